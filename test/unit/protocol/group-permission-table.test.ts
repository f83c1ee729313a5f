/** The whole table of permissions, as a reader would draw it: role x operation x state, by the function that decides. */
import { expect } from 'chai';
import { applyOperation, keySourceOf, refuseMessage } from '../../../src/protocol/group-roster.ts';
import type { Roster } from '../../../src/protocol/group-roster.ts';
import type { GroupChange, GroupOperation, GroupRole } from '../../../src/protocol/group-log.ts';
import { parseGroupId, parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';

const user = (name: string): UserId => parseUserId(name);
const [me, other, third, admin, outsider] = ['me', 'other', 'third', 'admin', 'outsider'].map(
  user,
) as [UserId, UserId, UserId, UserId, UserId];

/** Who asks: in no role at all, in one of them, as the only admin, or as one of two. */
const ASKERS = ['outsider', 'observer', 'member', 'only admin', 'one of two admins'] as const;
type Asker = (typeof ASKERS)[number];

/** Beside the asker: a member, an observer, and an admin unless the asker is the only one. */
function membersWith(asker: Asker): ReadonlyMap<UserId, GroupRole> {
  const members = new Map<UserId, GroupRole>([
    [other, 'member'],
    [third, 'observer'],
  ]);
  if (asker !== 'only admin') members.set(admin, 'admin');
  if (asker === 'observer' || asker === 'member') members.set(me, asker);
  else if (asker !== 'outsider') members.set(me, 'admin');
  return members;
}

function rosterOf(members: ReadonlyMap<UserId, GroupRole>, changes: Partial<Roster> = {}): Roster {
  return {
    group: parseGroupId('#team'),
    incarnation: parseIncarnation('1'.repeat(32)),
    position: 7,
    hash: new Uint8Array(32).fill(7),
    epoch: 3,
    commitment: new Uint8Array(32).fill(3),
    rekeyDue: false,
    members,
    ended: false,
    ...changes,
  };
}

/** The operation that I would sign after this roster: right in everything but perhaps the right to it. */
function signedByMe(roster: Roster, change: GroupChange): GroupOperation {
  const isSame = keySourceOf(change) === 'same';
  const place =
    change.type === 'create'
      ? { position: 1, previous: new Uint8Array(32), epoch: 1 }
      : {
          position: roster.position + 1,
          previous: roster.hash,
          epoch: isSame ? roster.epoch : roster.epoch + 1,
        };
  return {
    group: roster.group,
    incarnation: roster.incarnation,
    ...place,
    author: me,
    at: 1,
    change,
    statement: new Uint8Array([1]),
    commitment: isSame ? roster.commitment : new Uint8Array(32).fill(9),
    profile: isSame && change.type !== 'rename' ? undefined : new Uint8Array([1]),
    hash: new Uint8Array(32).fill(8),
  };
}

function attempt(roster: Roster, change: GroupChange | 'send'): string {
  if (change === 'send') {
    const { incarnation, epoch } = roster;
    return refuseMessage(roster, { from: me, incarnation, boxEpoch: epoch })?.code ?? 'done';
  }
  const outcome = applyOperation(roster, signedByMe(roster, change));
  return outcome.ok ? 'done' : outcome.error.code;
}

type Row = readonly [what: string, change: GroupChange | 'send', ...expected: readonly string[]];

const [OUT, LOW] = ['E_NOT_MEMBER', 'E_NOT_ADMIN'];

/** One column for each of `ASKERS`. */
const TABLE: readonly Row[] = [
  ['send', 'send', OUT, LOW, 'done', 'done', 'done'],
  ['rekey', { type: 'rekey' }, OUT, LOW, 'done', 'done', 'done'],
  ['leave', { type: 'leave' }, OUT, 'done', 'done', 'E_LAST_ADMIN', 'done'],
  ['rename', { type: 'rename' }, OUT, LOW, LOW, 'done', 'done'],
  ['delete', { type: 'delete' }, OUT, LOW, LOW, 'done', 'done'],
  ['add somebody', { type: 'add', user: outsider, role: 'member' }, OUT, LOW, LOW, 'done', 'done'],
  [
    'add an observer',
    { type: 'add', user: outsider, role: 'observer' },
    OUT,
    LOW,
    LOW,
    'done',
    'done',
  ],
  ['add an admin', { type: 'add', user: outsider, role: 'admin' }, OUT, LOW, LOW, 'done', 'done'],
  [
    'add a member',
    { type: 'add', user: other, role: 'admin' },
    OUT,
    LOW,
    LOW,
    'E_ALREADY_MEMBER',
    'E_ALREADY_MEMBER',
  ],
  ['remove a member', { type: 'remove', user: other }, OUT, LOW, LOW, 'done', 'done'],
  ['remove an observer', { type: 'remove', user: third }, OUT, LOW, LOW, 'done', 'done'],
  ['remove the other admin', { type: 'remove', user: admin }, OUT, LOW, LOW, OUT, 'done'],
  ['remove oneself', { type: 'remove', user: me }, OUT, LOW, LOW, 'E_USAGE', 'E_USAGE'],
  ['remove a stranger', { type: 'remove', user: outsider }, OUT, LOW, LOW, OUT, OUT],
  [
    'promote a member',
    { type: 'promote', user: other, role: 'admin' },
    OUT,
    LOW,
    LOW,
    'done',
    'done',
  ],
  [
    'promote an observer',
    { type: 'promote', user: third, role: 'member' },
    OUT,
    LOW,
    LOW,
    'done',
    'done',
  ],
  [
    'promote an observer to admin',
    { type: 'promote', user: third, role: 'admin' },
    OUT,
    LOW,
    LOW,
    'done',
    'done',
  ],
  [
    'promote to less',
    { type: 'promote', user: other, role: 'observer' },
    OUT,
    LOW,
    LOW,
    'E_USAGE',
    'E_USAGE',
  ],
  [
    'promote to the same',
    { type: 'promote', user: other, role: 'member' },
    OUT,
    LOW,
    LOW,
    'E_USAGE',
    'E_USAGE',
  ],
  [
    'promote oneself',
    { type: 'promote', user: me, role: 'admin' },
    OUT,
    LOW,
    LOW,
    'E_USAGE',
    'E_USAGE',
  ],
  [
    'promote a stranger',
    { type: 'promote', user: outsider, role: 'admin' },
    OUT,
    LOW,
    LOW,
    OUT,
    OUT,
  ],
  [
    'demote the other admin',
    { type: 'demote', user: admin, role: 'member' },
    OUT,
    LOW,
    LOW,
    OUT,
    'done',
  ],
  [
    'demote a member',
    { type: 'demote', user: other, role: 'observer' },
    OUT,
    LOW,
    LOW,
    'done',
    'done',
  ],
  [
    'demote to more',
    { type: 'demote', user: third, role: 'admin' },
    OUT,
    LOW,
    LOW,
    'E_USAGE',
    'E_USAGE',
  ],
  [
    'demote to the same',
    { type: 'demote', user: third, role: 'observer' },
    OUT,
    LOW,
    LOW,
    'E_USAGE',
    'E_USAGE',
  ],
  [
    'demote oneself',
    { type: 'demote', user: me, role: 'observer' },
    OUT,
    LOW,
    LOW,
    'E_LAST_ADMIN',
    'done',
  ],
  [
    'demote a stranger',
    { type: 'demote', user: outsider, role: 'member' },
    OUT,
    LOW,
    LOW,
    OUT,
    OUT,
  ],
  ['transfer to a member', { type: 'transfer', user: other }, OUT, LOW, LOW, 'done', 'done'],
  ['transfer to an observer', { type: 'transfer', user: third }, OUT, LOW, LOW, 'done', 'done'],
  ['transfer to oneself', { type: 'transfer', user: me }, OUT, LOW, LOW, 'E_USAGE', 'E_USAGE'],
  ['transfer to a stranger', { type: 'transfer', user: outsider }, OUT, LOW, LOW, OUT, OUT],
];

describe('the table of permissions', () => {
  for (const [what, change, ...expected] of TABLE)
    for (const [index, asker] of ASKERS.entries())
      it(`${what}, by ${asker}: ${expected[index]}`, () => {
        expect(attempt(rosterOf(membersWith(asker)), change)).to.equal(expected[index]);
      });

  it('has a row for every change there is', () => {
    const rows = new Set(TABLE.map(([, change]) => (change === 'send' ? change : change.type)));
    // The compiler knows all kinds of change: one that is missing here does not type-check.
    const all: { readonly [T in GroupChange['type']]: boolean } = {
      create: false,
      add: true,
      remove: true,
      leave: true,
      promote: true,
      demote: true,
      transfer: true,
      rename: true,
      delete: true,
      rekey: true,
    };
    const wanted = Object.entries(all).flatMap(([type, isThere]) => (isThere ? [type] : []));
    expect([...rows].sort()).to.deep.equal(['send', ...wanted].sort());
  });

  for (const asker of ASKERS)
    it(`create, by ${asker}: E_GROUP_EXISTS, and done once the group has ended`, () => {
      const members = membersWith(asker);
      const change = { type: 'create', members: [] } as const;
      expect(attempt(rosterOf(members), change)).to.equal('E_GROUP_EXISTS');
      expect(attempt(rosterOf(members, { ended: true }), change)).to.equal('done');
    });

  it('while a key is due: everything as ever, but nobody writes', () => {
    for (const [what, change, ...expected] of TABLE)
      for (const [index, asker] of ASKERS.entries()) {
        const wanted =
          change === 'send' && expected[index] === 'done' ? 'E_STALE_EPOCH' : expected[index];
        const due = rosterOf(membersWith(asker), { rekeyDue: true });
        expect(attempt(due, change), `${what}, by ${asker}`).to.equal(wanted);
      }
  });

  it('once a group has ended: there is none, for anybody', () => {
    for (const [what, change] of TABLE)
      for (const asker of ASKERS) {
        const over = rosterOf(membersWith(asker), { ended: true });
        expect(attempt(over, change), `${what}, by ${asker}`).to.equal('E_NO_SUCH_GROUP');
      }
  });

  it('alone in a group: whatever needs nobody else', () => {
    const alone = rosterOf(new Map([[me, 'admin' as const]]));
    const needsNobody = ['rekey', 'leave', 'rename', 'delete', 'add'];
    for (const [what, change, ...expected] of TABLE) {
      const isPossible = change === 'send' || needsNobody.includes(change.type);
      const isToOneself = change !== 'send' && 'user' in change && change.user === me;
      const otherwise = isToOneself ? expected[ASKERS.indexOf('only admin')] : 'E_NOT_MEMBER';
      expect(attempt(alone, change), what).to.equal(isPossible ? 'done' : otherwise);
    }
  });

  it('what is not done changes nothing, and what is done is no more than it says', () => {
    for (const [what, change] of TABLE) {
      if (change === 'send') continue;
      for (const asker of ASKERS) {
        const before = rosterOf(membersWith(asker));
        const copy = [...before.members];
        const outcome = applyOperation(before, signedByMe(before, change));
        expect([...before.members], `${what}, by ${asker}`).to.deep.equal(copy);
        if (!outcome.ok) continue;
        const { members, ended } = outcome.value;
        const touched = new Set(
          [...members.keys(), ...before.members.keys()].filter(
            (name) => members.get(name) !== before.members.get(name),
          ),
        );
        const named = new Set('user' in change ? [change.user] : []);
        if (change.type === 'leave' || change.type === 'transfer') named.add(me);
        for (const name of touched) expect([...named], what).to.include(name);
        expect(ended, what).to.equal(change.type === 'delete');
        expect([...members.values()], 'G1').to.include('admin');
      }
    }
  });
});

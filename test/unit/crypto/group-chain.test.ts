/** The chain of operations: what follows what, which key holds, and that any sequence keeps its promises. */
import { expect } from 'chai';
import fc from 'fast-check';
import { applyOperation, refuseMessage } from '../../../src/protocol/group-roster.ts';
import type { Roster } from '../../../src/protocol/group-roster.ts';
import { readOperation } from '../../../src/crypto/group-operations.ts';
import type { GroupOperation } from '../../../src/protocol/group-log.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import type { GroupChange, GroupRole } from '../../../src/protocol/group-log.ts';
import { parseGroupId, parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { GROUP_TITLE_LENGTH_MAX, GROUP_TOPIC_LENGTH_MAX } from '../../../src/protocol/limits.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { Member, PROFILE, foundGroup, life, must, people, team } from './group-people.ts';
import type { People, Sent } from './group-people.ts';
import { SUITES, transparentSuite } from './people.ts';

const [ann, bob, carl, dora, eve] = ['ann', 'bob', 'carl', 'dora', 'eve'].map(parseUserId) as [
  UserId,
  UserId,
  UserId,
  UserId,
  UserId,
];
const FOUNDED = [
  { user: bob, role: 'admin' },
  { user: carl, role: 'member' },
  { user: dora, role: 'observer' },
] as const;

for (const [name, create] of SUITES)
  describe(`the chain of a group (${name})`, () => {
    let suite: OpeningSuite;
    let everybody: People;
    let members: Map<UserId, Member>;
    const of = (user: UserId): Member => must(members.get(user));
    const all = (sent: Sent): void => members.forEach((member) => member.take(sent));

    before(async () => {
      suite = await create();
      everybody = people(suite, 'ann', 'bob', 'carl', 'dora', 'eve');
    });
    beforeEach(() => {
      members = foundGroup(suite, everybody, FOUNDED).members;
    });

    it('begins with its creation: roles, key and title for everybody', () => {
      for (const member of members.values()) {
        expect(member.roster).to.include({ group: team, position: 1, epoch: 1, rekeyDue: false });
        expect([...must(member.roster).members.values()]).to.deep.equal([
          'admin',
          'admin',
          'member',
          'observer',
        ]);
        expect(member.key.key.reveal()).to.deep.equal(of(ann).key.key.reveal());
      }
    });

    it('gives every state the same hash at every member', () => {
      all(of(ann).make({ type: 'rename' }, { title: 'New', topic: '' }));
      all(of(bob).make({ type: 'add', user: eve, role: 'member' }));
      const hashes = [...members.values()].map(({ roster }) => must(roster).hash);
      for (const hash of hashes) expect(hash).to.deep.equal(hashes[0]);
    });

    it('hands a new member one seal; all others make the next key alone', () => {
      const sent = of(ann).make({ type: 'add', user: eve, role: 'member' });
      expect([...sent.seals.keys()]).to.deep.equal([eve]);
      all(sent);
      const newcomer = new Member(suite, everybody, eve);
      newcomer.roster = must(of(ann).roster);
      newcomer.keys.clear();
      for (const member of members.values())
        expect(member.key.key.reveal()).to.deep.equal(sent.key.reveal());
      const envelope = of(carl).say('welcome');
      for (const member of members.values())
        expect(member.read(envelope).body).to.deep.equal({ type: 'text', text: 'welcome' });
    });

    it('lets a new member who replays the whole chain read from the own entry on', () => {
      const { sent } = foundGroup(suite, everybody, FOUNDED);
      members = new Map([[ann, new Member(suite, everybody, ann)]]);
      const newcomer = new Member(suite, everybody, eve);
      of(ann).take(sent);
      newcomer.take({ signed: sent.signed, seals: new Map() });
      const renamed = of(ann).make({ type: 'rename' }, { title: 'Later', topic: '' });
      all(renamed);
      newcomer.take(renamed);
      const added = of(ann).make({ type: 'add', user: eve, role: 'member' });
      of(ann).take(added);
      const operation = newcomer.take(added);
      expect(newcomer.profileOf(operation)).to.deep.equal(PROFILE);
      expect([...newcomer.keys.keys()]).to.deep.equal([2]);
      expect(newcomer.read(of(ann).say('hi')).body).to.deep.equal({ type: 'text', text: 'hi' });
    });

    it('makes a fresh key for all who stay when somebody is removed', () => {
      const sent = of(ann).make({ type: 'remove', user: carl });
      expect([...sent.seals.keys()]).to.deep.equal([ann, bob, dora]);
      const removed = of(carl);
      removed.take({ signed: sent.signed, seals: new Map() });
      members.delete(carl);
      all(sent);
      expect(of(dora).key.key.reveal()).to.deep.equal(sent.key.reveal());
      expect(removed.keys.has(2)).to.equal(false);
    });

    it('has a key due after somebody left, until a fresh one comes', () => {
      all(of(carl).make({ type: 'leave' }));
      members.delete(carl);
      expect(of(ann).roster).to.include({ rekeyDue: true, epoch: 1 });
      throwsCode(() => of(bob).read(of(ann).say('too early')), 'E_STALE_EPOCH');
      all(of(ann).make({ type: 'add', user: eve, role: 'member' }));
      expect(of(ann).roster).to.include({ rekeyDue: true, epoch: 2 });
      members.set(eve, new Member(suite, everybody, eve));
      of(eve).roster = must(of(ann).roster);
      all(of(bob).make({ type: 'rekey' }));
      expect(of(ann).roster).to.include({ rekeyDue: false, epoch: 3 });
      expect(of(eve).read(of(ann).say('now')).body).to.deep.equal({ type: 'text', text: 'now' });
    });

    it('ends with its deletion', () => {
      const deletion = of(ann).make({ type: 'delete' });
      all(deletion);
      expect(of(bob).roster).to.include({ ended: true });
      throwsCode(() => of(bob).take(of(bob).make({ type: 'rename' })), 'E_NO_SUCH_GROUP');
      throwsCode(() => of(bob).read(of(ann).say('anybody?')), 'E_NO_SUCH_GROUP');
      const again = of(bob).create(
        { type: 'create', members: [] },
        parseIncarnation('2'.repeat(32)),
      );
      of(bob).take(again);
      expect(of(bob).roster).to.include({ ended: false, position: 1 });
    });

    it('ends when the last member leaves', () => {
      const alone = new Member(suite, everybody, ann);
      alone.take(alone.create({ type: 'create', members: [] }));
      alone.take(alone.make({ type: 'leave' }));
      expect(alone.roster).to.include({ ended: true });
    });

    it('refuses what does not follow the newest operation', () => {
      const first = of(ann).make({ type: 'promote', user: carl, role: 'admin' });
      const second = of(bob).make({ type: 'remove', user: carl });
      all(first);
      throwsCode(() => of(dora).take(second), 'E_STALE_EPOCH');
      throwsCode(() => of(dora).take(first), 'E_STALE_EPOCH');
    });

    it('refuses a title or topic that is too long', () => {
      const long = (title: number, topic: number) => ({
        title: 'x'.repeat(title),
        topic: 'y'.repeat(topic),
      });
      const rename = { type: 'rename' } as const;
      of(ann).make(rename, long(GROUP_TITLE_LENGTH_MAX, GROUP_TOPIC_LENGTH_MAX));
      throwsCode(() => of(ann).make(rename, long(GROUP_TITLE_LENGTH_MAX + 1, 0)), 'E_TOO_LARGE');
      throwsCode(() => of(ann).make(rename, long(0, GROUP_TOPIC_LENGTH_MAX + 1)), 'E_TOO_LARGE');
    });
  });

describe('applying operations to a roster', () => {
  const suite = transparentSuite();
  const everybody = people(suite, 'ann', 'bob', 'carl', 'dora', 'eve');
  const { members, sent } = foundGroup(suite, everybody, FOUNDED);
  const roster = must(must(members.get(ann)).roster);
  const renamed = readOperation(
    suite,
    must(members.get(ann)).make({ type: 'rename' }, PROFILE).signed,
  );
  const code = (before: Roster | undefined, operation: GroupOperation): string => {
    const outcome = applyOperation(before, operation);
    return outcome.ok ? 'done' : outcome.error.code;
  };

  it('is a function: the same operation on the same roster, as often as one likes', () => {
    const before = JSON.stringify([...roster.members]);
    expect(applyOperation(roster, renamed)).to.deep.equal(applyOperation(roster, renamed));
    expect(JSON.stringify([...roster.members])).to.equal(before);
  });

  const cases: ReadonlyArray<readonly [string, Partial<GroupOperation>, string]> = [
    ['as it is', {}, 'done'],
    ['of another group', { group: parseGroupId('#other') }, 'E_STALE_EPOCH'],
    ['of another life', { incarnation: parseIncarnation('9'.repeat(32)) }, 'E_STALE_EPOCH'],
    ['at a later position', { position: 3 }, 'E_STALE_EPOCH'],
    ['after another operation', { previous: new Uint8Array(32) }, 'E_STALE_EPOCH'],
    ['by a stranger', { author: eve }, 'E_NOT_MEMBER'],
    ['by a member', { author: carl }, 'E_NOT_ADMIN'],
    ['with another epoch', { epoch: 2 }, 'E_BAD_FRAME'],
    ['with another key', { commitment: new Uint8Array(32) }, 'E_BAD_FRAME'],
    ['without the profile', { profile: undefined }, 'E_BAD_FRAME'],
    ['a fresh key in the same epoch', { change: { type: 'rekey' } }, 'E_BAD_FRAME'],
    ['a profile that nothing asks for', { change: { type: 'leave' }, author: carl }, 'E_BAD_FRAME'],
  ];
  for (const [what, changes, expected] of cases)
    it(`${what}: ${expected}`, () => {
      expect(code(roster, { ...renamed, ...changes })).to.equal(expected);
    });

  const creation = readOperation(suite, sent.signed);
  const created: ReadonlyArray<
    readonly [string, Roster | undefined, Partial<GroupOperation>, string]
  > = [
    ['a creation', undefined, {}, 'done'],
    ['a creation where a group is', roster, {}, 'E_GROUP_EXISTS'],
    ['a creation where a group was', { ...roster, ended: true }, {}, 'done'],
    ['a creation at position 2', undefined, { position: 2 }, 'E_BAD_FRAME'],
    ['a creation after something', undefined, { previous: roster.hash }, 'E_BAD_FRAME'],
    ['a creation in epoch 0', undefined, { epoch: 0 }, 'E_BAD_FRAME'],
    ['a creation without a profile', undefined, { profile: undefined }, 'E_BAD_FRAME'],
    ['a creation that names its author', undefined, named([ann]), 'E_USAGE'],
    ['a creation that names somebody twice', undefined, named([bob, bob]), 'E_USAGE'],
    [
      'anything else where no group is',
      undefined,
      { change: { type: 'delete' } },
      'E_NO_SUCH_GROUP',
    ],
  ];
  for (const [what, before, changes, expected] of created)
    it(`${what}: ${expected}`, () => {
      expect(code(before, { ...creation, ...changes })).to.equal(expected);
    });

  function named(users: readonly UserId[]): Partial<GroupOperation> {
    const roles = users.map((user) => ({ user, role: 'member' as const }));
    return { change: { type: 'create', members: roles } };
  }

  it('lets observers and strangers send nothing, and nobody under another key', () => {
    const message = (from: UserId, boxEpoch = 1, incarnation = life): string | undefined =>
      refuseMessage(roster, { from, boxEpoch, incarnation })?.code;
    expect([ann, bob, carl].map((user) => message(user))).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
    expect(message(dora)).to.equal('E_NOT_ADMIN');
    expect(message(eve)).to.equal('E_NOT_MEMBER');
    expect(message(ann, 2)).to.equal('E_STALE_EPOCH');
    expect(message(ann, 1, parseIncarnation('9'.repeat(32)))).to.equal('E_NO_SUCH_GROUP');
  });
});

describe('any sequence of operations', () => {
  const suite = transparentSuite(7);
  const names = ['ann', 'bob', 'carl', 'dora', 'eve'] as const;
  const everybody = people(suite, ...names);
  const user = fc.constantFrom(...names).map(parseUserId);
  const role = fc.constantFrom<GroupRole>('observer', 'member', 'admin');
  const change: fc.Arbitrary<GroupChange> = fc.oneof(
    fc.record({ type: fc.constant('add' as const), user, role }),
    fc.record({ type: fc.constantFrom('promote' as const, 'demote' as const), user, role }),
    fc.record({ type: fc.constantFrom('remove' as const, 'transfer' as const), user }),
    fc.record({ type: fc.constantFrom('leave' as const, 'rename' as const, 'rekey' as const) }),
  );

  it('keeps an admin, one roster for all who verify, and one key for all who are in', () => {
    const steps = fc.array(fc.record({ author: user, change }), { maxLength: 40 });
    fc.assert(
      fc.property(steps, (sequence) => {
        const { members, sent } = foundGroup(suite, everybody, FOUNDED);
        const witness = new Member(suite, everybody, eve);
        witness.take({ signed: sent.signed, seals: new Map() });
        members.set(eve, witness);
        for (const { author, change: wanted } of sequence) attempt(members, author, wanted);
        check(members);
      }),
      { numRuns: 60 },
    );
  });

  /** The author may be anybody who can sign; what is not allowed must be refused by all. */
  function attempt(members: Map<UserId, Member>, author: UserId, wanted: GroupChange): void {
    const writer = must(members.get(author) ?? members.get(ann) ?? members.get(bob));
    if (!writer.keys.has(must(writer.roster).epoch)) return;
    const made = writer.make(wanted);
    const codes = [...members.values()].map((member) => codeOf(() => member.take(made)));
    expect(new Set(codes).size, 'all judge alike').to.equal(1);
    if (codes[0] !== undefined) return;
    // Who is not in has no seal; the key must not follow from what such a one has.
    for (const [name, member] of members)
      if (!must(member.roster).members.has(name)) member.keys.clear();
  }

  function check(members: Map<UserId, Member>): void {
    const [first, ...others] = [...members.values()];
    const roster = must(first?.roster);
    for (const other of others) expect(other.roster).to.deep.equal(roster);
    if (!roster.ended) expect([...roster.members.values()]).to.include('admin');
    const keys = [...members]
      .filter(([name]) => roster.members.has(name))
      .map(([, member]) => member.keys.get(roster.epoch)?.key.reveal());
    for (const key of keys) expect(key).to.deep.equal(keys[0]);
  }
});

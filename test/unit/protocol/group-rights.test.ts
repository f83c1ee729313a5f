/** The table of rights: every role, every change, every state that matters. */
import { expect } from 'chai';
import { judgeChange } from '../../../src/protocol/group-rights.ts';
import type { GroupChange, GroupRole } from '../../../src/protocol/group-log.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { GROUP_MEMBERS_MAX } from '../../../src/protocol/limits.ts';

const [ann, bob, carl, dora, eve] = ['ann', 'bob', 'carl', 'dora', 'eve'].map(parseUserId) as [
  UserId,
  UserId,
  UserId,
  UserId,
  UserId,
];
type Members = ReadonlyMap<UserId, GroupRole>;

/** Two admins, a member, an observer; eve is outside. */
const FULL: Members = new Map([
  [ann, 'admin'],
  [bob, 'admin'],
  [carl, 'member'],
  [dora, 'observer'],
]);
const ONE_ADMIN: Members = new Map([
  [ann, 'admin'],
  [carl, 'member'],
]);
const ALONE: Members = new Map([[ann, 'admin']]);

function judge(members: Members, author: UserId, change: GroupChange): string | Members {
  const role = members.get(author) ?? 'observer';
  const judged = judgeChange(members, { author, role, change });
  return judged.ok ? judged.value : judged.error.code;
}

const ADMINS_ONLY: readonly GroupChange[] = [
  { type: 'add', user: eve, role: 'member' },
  { type: 'remove', user: bob },
  { type: 'promote', user: carl, role: 'admin' },
  { type: 'demote', user: bob, role: 'member' },
  { type: 'transfer', user: carl },
  { type: 'rename' },
  { type: 'delete' },
];

describe('rights in a group', () => {
  for (const change of ADMINS_ONLY) {
    it(`${change.type}: admins may, members and observers may not`, () => {
      expect(judge(FULL, ann, change)).to.be.instanceOf(Map);
      expect(judge(FULL, carl, change)).to.equal('E_NOT_ADMIN');
      expect(judge(FULL, dora, change)).to.equal('E_NOT_ADMIN');
    });
  }

  it('rekey: admins and members may, observers may not', () => {
    expect(judge(FULL, ann, { type: 'rekey' })).to.deep.equal(FULL);
    expect(judge(FULL, carl, { type: 'rekey' })).to.deep.equal(FULL);
    expect(judge(FULL, dora, { type: 'rekey' })).to.equal('E_NOT_ADMIN');
  });

  it('leave: everybody may', () => {
    for (const user of FULL.keys()) {
      const left = judge(FULL, user, { type: 'leave' }) as Members;
      expect([...left.keys()]).to.deep.equal([...FULL.keys()].filter((other) => other !== user));
    }
  });

  it('leave: not the last admin of a group with others, but whoever is alone', () => {
    expect(judge(ONE_ADMIN, ann, { type: 'leave' })).to.equal('E_LAST_ADMIN');
    expect(judge(ALONE, ann, { type: 'leave' })).to.deep.equal(new Map());
  });

  it('create: never again', () => {
    expect(judge(FULL, ann, { type: 'create', members: [] })).to.equal('E_GROUP_EXISTS');
  });

  const rows: ReadonlyArray<readonly [what: string, Members, GroupChange, string | Members]> = [
    [
      'add in any role',
      ALONE,
      { type: 'add', user: eve, role: 'observer' },
      new Map([...ALONE, [eve, 'observer']]),
    ],
    ['add of a member', FULL, { type: 'add', user: carl, role: 'admin' }, 'E_ALREADY_MEMBER'],
    ['add of oneself', FULL, { type: 'add', user: ann, role: 'member' }, 'E_ALREADY_MEMBER'],
    [
      'remove of another admin',
      FULL,
      { type: 'remove', user: bob },
      new Map([...FULL].filter(([user]) => user !== bob)),
    ],
    ['remove of a stranger', FULL, { type: 'remove', user: eve }, 'E_NOT_MEMBER'],
    ['remove of oneself', FULL, { type: 'remove', user: ann }, 'E_USAGE'],
    [
      'promote of a member',
      FULL,
      { type: 'promote', user: carl, role: 'admin' },
      new Map(FULL).set(carl, 'admin'),
    ],
    [
      'promote of an observer',
      FULL,
      { type: 'promote', user: dora, role: 'member' },
      new Map(FULL).set(dora, 'member'),
    ],
    ['promote of an admin', FULL, { type: 'promote', user: bob, role: 'admin' }, 'E_USAGE'],
    ['promote downwards', FULL, { type: 'promote', user: carl, role: 'observer' }, 'E_USAGE'],
    ['promote of a stranger', FULL, { type: 'promote', user: eve, role: 'admin' }, 'E_NOT_MEMBER'],
    [
      'demote of another admin',
      FULL,
      { type: 'demote', user: bob, role: 'observer' },
      new Map(FULL).set(bob, 'observer'),
    ],
    [
      'demote of oneself among admins',
      FULL,
      { type: 'demote', user: ann, role: 'member' },
      new Map(FULL).set(ann, 'member'),
    ],
    [
      'demote of the only admin',
      ONE_ADMIN,
      { type: 'demote', user: ann, role: 'member' },
      'E_LAST_ADMIN',
    ],
    [
      'demote of who is alone',
      ALONE,
      { type: 'demote', user: ann, role: 'member' },
      'E_LAST_ADMIN',
    ],
    ['demote of an observer', FULL, { type: 'demote', user: dora, role: 'observer' }, 'E_USAGE'],
    ['demote upwards', FULL, { type: 'demote', user: dora, role: 'admin' }, 'E_USAGE'],
    ['demote of a stranger', FULL, { type: 'demote', user: eve, role: 'member' }, 'E_NOT_MEMBER'],
    [
      'transfer of the only admin',
      ONE_ADMIN,
      { type: 'transfer', user: carl },
      new Map([
        [ann, 'member'],
        [carl, 'admin'],
      ]),
    ],
    [
      'transfer to another admin',
      FULL,
      { type: 'transfer', user: bob },
      new Map(FULL).set(ann, 'member'),
    ],
    [
      'transfer to an observer',
      FULL,
      { type: 'transfer', user: dora },
      new Map(FULL).set(ann, 'member').set(dora, 'admin'),
    ],
    ['transfer to oneself', FULL, { type: 'transfer', user: ann }, 'E_USAGE'],
    ['transfer to a stranger', FULL, { type: 'transfer', user: eve }, 'E_NOT_MEMBER'],
    ['rename', FULL, { type: 'rename' }, FULL],
    ['delete', FULL, { type: 'delete' }, FULL],
  ];
  for (const [what, members, change, expected] of rows)
    it(`${what}: ${typeof expected === 'string' ? expected : 'done'}`, () => {
      expect(judge(members, ann, change)).to.deep.equal(expected);
    });

  it('takes nobody in past the size that one commit can hold', () => {
    const many = new Map<UserId, GroupRole>([[ann, 'admin']]);
    for (let number = 1; many.size < GROUP_MEMBERS_MAX; number += 1)
      many.set(parseUserId(`u${number}`), 'member');
    expect(judge(many, ann, { type: 'add', user: eve, role: 'member' })).to.equal('E_GROUP_FULL');
    many.delete(parseUserId('u1'));
    expect(judge(many, ann, { type: 'add', user: eve, role: 'member' })).to.be.instanceOf(Map);
  });

  it('never changes the members it is given', () => {
    const before = [...FULL];
    for (const change of ADMINS_ONLY) judge(FULL, ann, change);
    expect([...FULL]).to.deep.equal(before);
  });
});

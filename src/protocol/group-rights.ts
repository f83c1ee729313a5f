/** The table of rights: who may change what in a group, and who its members are afterwards. Pure. */
import { fail, succeed } from './calls.ts';
import type { Outcome } from './calls.ts';
import { FastChatError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import type { GroupChange, GroupMember, GroupRole } from './group-log.ts';
import type { UserId } from './ids.ts';
import { GROUP_MEMBERS_MAX } from './limits.ts';

type Members = ReadonlyMap<UserId, GroupRole>;

/** A change that a member wants. */
export interface Wish {
  readonly author: UserId;
  /** The author's. */
  readonly role: GroupRole;
  readonly change: GroupChange;
}

/** What a role may do includes what those before it may. */
const RANK: { readonly [role in GroupRole]: number } = { observer: 0, member: 1, admin: 2 };

/** The least role that a change takes. */
const NEEDED: { readonly [T in GroupChange['type']]: GroupRole } = {
  leave: 'observer',
  rekey: 'member',
  create: 'admin',
  add: 'admin',
  remove: 'admin',
  promote: 'admin',
  demote: 'admin',
  transfer: 'admin',
  rename: 'admin',
  delete: 'admin',
};

/** The members after the change, or why it must not be. */
export function judgeChange(members: Members, wish: Wish): Outcome<Members> {
  const { author, role, change } = wish;
  if (RANK[role] < RANK[NEEDED[change.type]])
    return refused('E_NOT_ADMIN', `${author} is ${withArticle(role)} and may not ${change.type}`);
  return (changers[change.type] as Changer)(members, author, change);
}

type Named<T extends GroupChange['type']> = Extract<GroupChange, { type: T }>;
type Changer = (members: Members, author: UserId, change: GroupChange) => Outcome<Members>;
const unchanged = (members: Members): Outcome<Members> => succeed(members);

const changers: {
  readonly [T in GroupChange['type']]: (
    members: Members,
    author: UserId,
    change: Named<T>,
  ) => Outcome<Members>;
} = {
  create: () => refused('E_GROUP_EXISTS', 'a group is created once'),
  add: (members, _, change) => add(members, change),
  remove: (members, author, { user }) => remove(members, author, user),
  leave: (members, author) => withAnAdmin(without(members, author)),
  promote: (members, _, change) => changeRole(members, change, 1),
  demote: (members, _, change) => changeRole(members, change, -1),
  transfer: (members, author, { user }) => transfer(members, author, user),
  rename: unchanged,
  delete: unchanged,
  rekey: unchanged,
};

function add(members: Members, { user, role }: GroupMember): Outcome<Members> {
  if (members.has(user)) return refused('E_ALREADY_MEMBER', `${user} is a member already`);
  if (members.size >= GROUP_MEMBERS_MAX)
    return refused('E_GROUP_FULL', `a group has at most ${GROUP_MEMBERS_MAX} members`);
  return succeed(new Map(members).set(user, role));
}

function remove(members: Members, author: UserId, user: UserId): Outcome<Members> {
  if (user === author) return refused('E_USAGE', 'nobody removes themselves: leave');
  if (!members.has(user)) return refused('E_NOT_MEMBER', `${user} is no member`);
  return succeed(without(members, user));
}

function changeRole(members: Members, wanted: GroupMember, direction: 1 | -1): Outcome<Members> {
  const { user, role } = wanted;
  const before = members.get(user);
  if (before === undefined) return refused('E_NOT_MEMBER', `${user} is no member`);
  if (Math.sign(RANK[role] - RANK[before]) !== direction)
    return refused('E_USAGE', `${user} is ${withArticle(before)} already`);
  return withAnAdmin(new Map(members).set(user, role));
}

function transfer(members: Members, author: UserId, user: UserId): Outcome<Members> {
  if (user === author) return refused('E_USAGE', 'a group is transferred to somebody else');
  if (!members.has(user)) return refused('E_NOT_MEMBER', `${user} is no member`);
  return succeed(new Map(members).set(author, 'member').set(user, 'admin'));
}

/** G1; nobody is left to need one when the last member has gone. */
function withAnAdmin(members: Members): Outcome<Members> {
  for (const role of members.values()) if (role === 'admin') return succeed(members);
  if (members.size === 0) return succeed(members);
  return refused('E_LAST_ADMIN', 'the only admin has to transfer the group or delete it');
}

function without(members: Members, user: UserId): Members {
  const rest = new Map(members);
  rest.delete(user);
  return rest;
}

function withArticle(role: GroupRole): string {
  return role === 'member' ? 'a member' : `an ${role}`;
}

function refused(code: ErrorCode, text: string): Outcome<never> {
  return fail(new FastChatError(code, text));
}

/** What is said about groups, the same in commands, JSON-RPC and the chat: above all why something is refused. */
import type { Client } from '../client/api.ts';
import type { GroupActions } from '../client/group-api.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { GroupRole } from '../protocol/group-log.ts';
import { isGroup } from '../protocol/ids.ts';
import type { Address, GroupId, UserId } from '../protocol/ids.ts';
import { GROUP_TITLE_LENGTH_MAX, GROUP_TOPIC_LENGTH_MAX } from '../protocol/limits.ts';

export const GROUP_ROLES = ['admin', 'member', 'observer'] as const satisfies readonly GroupRole[];

/** `an admin`, `a member`. */
export function withArticle(role: GroupRole): string {
  return role === 'member' ? 'a member' : `an ${role}`;
}

/** What somebody tries to do. */
interface Deed {
  readonly group: GroupId;
  /** After "only an admin may": `add members to #team`. */
  readonly what: string;
  /** Whom it is done to. */
  readonly user?: UserId;
}

/** To somebody who is no member, a group of others is one that is not there. */
export function notInGroup(group: GroupId): string {
  return `you are in no group ${group}: check the name in the list of your groups, or ask an admin of it to add you`;
}

/** Each says what is the matter, and what to do about it. Codes that are not here speak for themselves. */
const REFUSALS: Partial<Record<ErrorCode, (deed: Deed, message: string) => string>> = {
  E_NO_SUCH_GROUP: ({ group }) => notInGroup(group),
  E_NO_SUCH_USER: (_, message) => `${message}: check the name; nothing was changed`,
  E_GROUP_EXISTS: ({ group }) =>
    `${group} exists already: choose another name, or ask an admin of it to add you`,
  E_ALREADY_MEMBER: ({ group, user = 'this user' }) =>
    `${user} is a member of ${group} already; promote and demote change the role`,
  E_NOT_MEMBER: ({ group, user }) =>
    user === undefined
      ? notInGroup(group)
      : `${user} is not a member of ${group}: its info shows who is, add lets somebody in`,
  E_NOT_ADMIN: ({ group, what }) =>
    `only an admin may ${what}: the info of ${group} shows whom to ask`,
  E_LAST_ADMIN: ({ group }) =>
    `you are the last admin of ${group}: promote or transfer first, or delete the group`,
  E_GROUP_FULL: ({ group }) =>
    `${group} has no room for more members: remove somebody first, or make another group`,
  E_TOO_LARGE: () =>
    `too long: a title has at most ${GROUP_TITLE_LENGTH_MAX} characters, a topic ${GROUP_TOPIC_LENGTH_MAX}`,
};

function refusalOf(cause: unknown, deed: Deed): FastChatError {
  const error = asFastChatError(cause);
  const words = REFUSALS[error.code];
  if (words === undefined) return error;
  const { code, message, retryAfterMs } = error;
  return new FastChatError(code, words(deed, message), { cause, retryAfterMs });
}

async function inWords<T>(work: Promise<T>, deed: Deed): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw refusalOf(cause, deed);
  }
}

/** What `client.group` does; a refusal keeps its code and says what to do. Members of a new group may be named twice. */
export function groupsOf({ account, group: act }: Client): GroupActions {
  const roles = (group: GroupId, user: UserId): Deed => ({
    group,
    user,
    what: `change roles in ${group}`,
  });
  return {
    create: (group, options = {}) => {
      // Who makes it is in it, named or not.
      const members = [...new Set(options.members)].filter((user) => user !== account);
      return inWords(act.create(group, { ...options, members }), {
        group,
        what: `create ${group}`,
      });
    },
    add: (group, user, role) =>
      inWords(act.add(group, user, role), { group, user, what: `add members to ${group}` }),
    remove: (group, user) =>
      inWords(act.remove(group, user), { group, user, what: `remove members from ${group}` }),
    leave: (group) => inWords(act.leave(group), { group, what: `leave ${group}` }),
    promote: (group, user, role) => inWords(act.promote(group, user, role), roles(group, user)),
    demote: (group, user, role) => inWords(act.demote(group, user, role), roles(group, user)),
    transfer: (group, user) =>
      inWords(act.transfer(group, user), { group, user, what: `transfer ${group}` }),
    rename: (group, title) => inWords(act.rename(group, title), { group, what: `rename ${group}` }),
    setTopic: (group, topic) =>
      inWords(act.setTopic(group, topic), { group, what: `set the topic of ${group}` }),
    delete: (group) => inWords(act.delete(group), { group, what: `delete ${group}` }),
    info: (group) => inWords(act.info(group), { group, what: `see who is in ${group}` }),
  };
}

/** Why a message to `to` was refused; the same error when that is no matter of groups. */
export function sendRefusal(cause: unknown, to: Address): FastChatError {
  const error = asFastChatError(cause);
  if (!isGroup(to) || error.code === 'E_TOO_LARGE') return error;
  if (error.code !== 'E_NOT_ADMIN' && error.code !== 'E_NOT_MEMBER')
    return refusalOf(cause, { group: to, what: `write to ${to}` });
  const words =
    error.code === 'E_NOT_ADMIN'
      ? `you are an observer of ${to}, who reads only: ask an admin to promote you`
      : `you are not a member of ${to}: ask an admin to add you`;
  return new FastChatError(error.code, words, { cause });
}

/** What the slash commands about groups do. What was done to a group is told by its event, to everybody alike. */
import type { GroupView } from '../../client/group-api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GroupRole } from '../../protocol/group-log.ts';
import { isGroup, parseGroupId, parseUserId } from '../../protocol/ids.ts';
import type { GroupId, UserId } from '../../protocol/ids.ts';
import { CHAT_MEMBERS_LISTED_MAX } from '../../protocol/limits.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import { didYouMean } from '../../ops/suggest.ts';
import { GROUP_ROLES, groupsOf } from '../group-words.ts';
import type { Action, ActionScope } from './actions.ts';
import { membersLine } from './group-notes.ts';
import { quoted } from './render.ts';
import { firstWord } from './parse-line.ts';
import { findVerb } from './slash-commands.ts';
import type { GroupSlashName } from './slash-commands.ts';

const usage = (text: string): FastChatError => new FastChatError('E_USAGE', text);

/** The group in the prompt. @throws E_USAGE; `hint` is how to name another one, where that can be */
function openGroup({ open }: ActionScope, hint?: string): GroupId {
  if (open !== undefined && isGroup(open)) return open;
  const other = hint === undefined ? '' : `, or name it: ${hint}`;
  throw usage(`no group is open: /join #team opens one${other}`);
}

interface Named {
  readonly group: GroupId;
  readonly users: readonly UserId[];
  readonly role: GroupRole | undefined;
}

/** `@bob carol #team observer`, in any order. @throws E_USAGE, E_BAD_NAME */
function readNames(scope: ActionScope, rest: string, hint: string): Named {
  const words = rest.split(/\s+/).filter((word) => word !== '');
  const groups = words.filter((word) => word.startsWith('#'));
  const role = GROUP_ROLES.find((name) => words.includes(name));
  const users = words.filter((word) => !word.startsWith('#') && word !== role);
  if (groups.length > 1) throw usage(`one group at a time: ${hint}`);
  // Whoever gives a reason, or mistypes, must not do it to somebody else.
  const odd = users.slice(1).find((word) => !word.startsWith('@'));
  if (odd !== undefined)
    throw usage(`${quoted(odd)} is too much, or write @ before a name: ${hint}`);
  const [group] = groups;
  return {
    group: group === undefined ? openGroup(scope, hint) : parseGroupId(group),
    users: [...new Set(users.map((word) => parseUserId(word)))],
    role,
  };
}

/** Done to each user that is named, one after the other. */
function toEach(
  example: string,
  act: (scope: ActionScope, user: UserId, named: Named) => Promise<unknown>,
): Action {
  return async (scope, rest) => {
    const named = readNames(scope, rest, `${example} #team`);
    if (named.users.length === 0) throw usage(`say who: ${example}`);
    for (const user of named.users) await act(scope, user, named);
    return [];
  };
}

function memberRows({ group, members: all }: GroupView): readonly string[] {
  const listed = all.slice(0, CHAT_MEMBERS_LISTED_MAX);
  const width = Math.max(...listed.map(({ user }) => user.length));
  const rows = listed.map(({ user, role, online }) =>
    `  ${user.padEnd(width)}  ${role.padEnd(8)}  ${online ? 'online' : ''}`.trimEnd(),
  );
  const left = all.length - listed.length;
  return left === 0
    ? rows
    : [...rows, `  and ${left} more: fastchat group info '${group}' lists all`];
}

async function members(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const group = rest === '' ? openGroup(scope, '/members #team') : parseGroupId(rest);
  const view = await scope.groups.look(group);
  return [
    safeLine(`${group} ${view.title}`.trim()),
    ...(view.topic === '' ? [] : [safeLine(`topic: ${view.topic}`)]),
    `${membersLine(view)}:`,
    ...memberRows(view),
  ];
}

async function create(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const [name, others] = firstWord(rest);
  if (name === '') throw usage('say which: /group create #team @bob @carol');
  const group = parseGroupId(name);
  const users = others.split(/\s+/).filter((word) => word !== '');
  const named = users.map((word) => parseUserId(word));
  await groupsOf(scope.client).create(group, { members: named });
  await scope.enter(group);
  return [];
}

async function list({ client }: ActionScope): Promise<readonly string[]> {
  const views = await client.groups();
  if (views.length === 0) return ['you are in no group: /group create #team @bob makes one'];
  return views.map(({ group, title, role }) => {
    const yours = role === 'member' ? '' : ` (${role})`;
    return safeLine(`${group}${yours} ${title}`.trim());
  });
}

/** There is no dialogue for a yes: the command says it itself. */
async function end(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const [name, sure] = firstWord(rest);
  const group = name === '' ? openGroup(scope, '/group delete #team') : parseGroupId(name);
  if (sure.toLowerCase() !== 'yes')
    throw usage(
      `this ends ${group} for everybody and cannot be undone; if it is meant: /group delete ${group} yes`,
    );
  await groupsOf(scope.client).delete(group);
  return [];
}

const VERB_ACTIONS: Readonly<Record<'create' | 'list' | 'info' | 'delete', Action>> = {
  create,
  list,
  info: members,
  delete: end,
};

function group(scope: ActionScope, rest: string): ReturnType<Action> {
  const [word, more] = firstWord(rest);
  const verb = findVerb('group', word);
  if (verb !== undefined) return VERB_ACTIONS[verb](scope, more);
  const hint = didYouMean(word, Object.keys(VERB_ACTIONS));
  throw usage(
    `there is no /group ${word}${hint}: create, list, info, delete; /invite and /kick change who is in it`,
  );
}

/** `-` takes it away: an empty text asks for it. */
const textOf = (rest: string): string => (rest === '-' ? '' : rest);

async function topic(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const group = openGroup(scope);
  if (rest !== '') {
    await groupsOf(scope.client).setTopic(group, textOf(rest));
    return [];
  }
  const view = await scope.groups.look(group);
  return [
    view.topic === '' ? `${group} has no topic` : safeLine(`topic of ${group}: ${view.topic}`),
  ];
}

async function rename(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const group = openGroup(scope);
  if (rest === '') throw usage('say how it is to be called: /rename The other team');
  await groupsOf(scope.client).rename(group, textOf(rest));
  return [];
}

async function leave(scope: ActionScope, rest: string): Promise<readonly string[]> {
  if (rest !== '' && !/^#\S+$/.test(rest))
    throw usage('/leave leaves the group in the prompt, /leave #team another one');
  await groupsOf(scope.client).leave(
    rest === '' ? openGroup(scope, '/leave #team') : parseGroupId(rest),
  );
  return [];
}

/** Commands about groups; `join` opens a conversation, which is the session's own. */
export const GROUP_ACTIONS: Readonly<Record<Exclude<GroupSlashName, 'join'>, Action>> = {
  group,
  leave,
  invite: toEach('/invite @bob', ({ client }, user, { group, role }) =>
    groupsOf(client).add(group, user, role),
  ),
  kick: toEach('/kick @bob', ({ client }, user, { group }) => groupsOf(client).remove(group, user)),
  promote: toEach('/promote @bob', ({ client }, user, { group, role }) =>
    groupsOf(client).promote(group, user, role),
  ),
  demote: toEach('/demote @bob', ({ client }, user, { group, role }) =>
    groupsOf(client).demote(group, user, role),
  ),
  transfer: toEach('/transfer @bob', ({ client }, user, { group }) =>
    groupsOf(client).transfer(group, user),
  ),
  topic,
  rename,
  members,
};

/** The group that `/join` is about. @throws E_USAGE, E_BAD_NAME */
export function groupToJoin(rest: string): GroupId {
  if (rest === '') throw usage('say which: /join #team');
  return parseGroupId(rest);
}

/** What the slash commands do. Each answers with lines to show; what fails is shown by the session. */
import type { Client } from '../../client/api.ts';
import type { GroupSummary } from '../../client/group-api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { isUser } from '../../protocol/ids.ts';
import type { Address, UserId } from '../../protocol/ids.ts';
import { CHAT_BACKLOG_MESSAGES, HISTORY_MESSAGES_MAX } from '../../protocol/limits.ts';
import { safeLine } from '../../protocol/safe-text.ts';
import type { Clock } from '../../ops/clock.ts';
import { moment } from '../message-format.ts';
import { counted } from '../text-layout.ts';
import { isReal } from './opening.ts';
import { firstWord } from './parse-line.ts';
import { GROUP_ACTIONS } from './group-actions.ts';
import type { GroupNotes } from './group-notes.ts';
import type { MessageRenderer } from './render.ts';
import { findVerb, slashHelp } from './slash-commands.ts';
import type { SlashName } from './slash-commands.ts';

/** What actions see of the chat. */
export interface ActionScope {
  readonly client: Client;
  readonly clock: Clock;
  readonly renderer: MessageRenderer;
  /** The conversation in the prompt. */
  readonly open: Address | undefined;
  /** The node of the connection; undefined while there is none. */
  readonly node: string | undefined;
  readonly groups: GroupNotes;
  /** Opens a conversation. */
  enter(address: Address): Promise<void>;
  /** Reads an address or a bare name. @throws E_NO_SUCH_USER, E_BAD_NAME */
  resolve(text: string): Promise<Address>;
}

/** Answers with lines to show. */
export type Action = (
  scope: ActionScope,
  rest: string,
) => Promise<readonly string[]> | readonly string[];

/** The user that `word` names, or the one in the prompt. */
async function userOf(scope: ActionScope, word: string): Promise<UserId> {
  const address = word === '' ? scope.open : await scope.resolve(word);
  if (address !== undefined && isUser(address)) return address;
  throw new FastChatError('E_USAGE', 'name a user, such as @bob');
}

const yes = (isSo: boolean, word: string): string => (isSo ? ` ${word}` : '');

async function history(scope: ActionScope, rest: string): Promise<readonly string[]> {
  if (scope.open === undefined)
    throw new FastChatError('E_USAGE', 'open a conversation first: /msg @bob');
  const limit = rest === '' ? CHAT_BACKLOG_MESSAGES : Number(rest);
  if (!Number.isInteger(limit) || limit < 1 || limit > HISTORY_MESSAGES_MAX)
    throw new FastChatError('E_USAGE', 'say how many messages: /read 50');
  const messages = await scope.client.history(scope.open, { limit });
  return messages.flatMap((message) => scope.renderer.lines(message, scope.open));
}

async function list({ client }: ActionScope): Promise<readonly string[]> {
  const all = [...(await client.conversations())];
  all.sort((left, right) => right.unread - left.unread || right.lastTimestamp - left.lastTimestamp);
  const real = await Promise.all(all.map((one) => isReal(client, one.conversation)));
  const groups = await client.groups();
  const silent = groups.filter(({ group }) => all.every((one) => one.conversation !== group));
  const shown = [
    ...all.filter(({ conversation }, index) => real[index] || isIn(groups, conversation)),
    ...silent.map(({ group }) => ({ conversation: group, unread: 0 })),
  ];
  if (shown.length === 0)
    return ['no conversations yet: /msg @bob begins one, /group create #team @bob a group'];
  const titles = new Map<Address, string>(groups.map(({ group, title }) => [group, title]));
  return shown.map((one) =>
    safeLine(`${conversationLine(one)} ${titles.get(one.conversation) ?? ''}`.trim()),
  );
}

function isIn(groups: readonly GroupSummary[], conversation: Address): boolean {
  return groups.some(({ group }) => group === conversation);
}

function conversationLine(one: {
  readonly conversation: Address;
  readonly unread: number;
}): string {
  return `${one.conversation}${one.unread > 0 ? ` (${one.unread} unread)` : ''}`;
}

/** What waits to be read, a line a conversation. */
export async function unreadLines(client: Client): Promise<readonly string[]> {
  const all = await client.conversations();
  return all.filter(({ unread }) => unread > 0).map(conversationLine);
}

async function search(scope: ActionScope, rest: string): Promise<readonly string[]> {
  if (rest === '') throw new FastChatError('E_USAGE', 'say what to look for: /search deploy');
  const found = await scope.client.search(rest, { limit: CHAT_BACKLOG_MESSAGES });
  if (found.length === 0) return ['nothing found'];
  return found.map((message) => scope.renderer.found(message));
}

async function contacts({ client }: ActionScope): Promise<readonly string[]> {
  const views = await client.contacts();
  if (views.length === 0) return ['no contacts yet: /contact add @bob adds one'];
  return views.map(({ user, online, lastSeen, verified, blocked }) => {
    const seen = online ? 'online' : `last seen ${moment(lastSeen)}`;
    return `${user} ${seen}${yes(verified, 'verified')}${yes(blocked, 'blocked')}`;
  });
}

async function who({ client }: ActionScope): Promise<readonly string[]> {
  const online = (await client.contacts()).filter((view) => view.online);
  if (online.length === 0) return ['no contact is online'];
  return [`online: ${online.map((view) => view.user).join(' ')}`];
}

async function whois(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const user = await userOf(scope, rest);
  const [{ online, lastSeen }, { fingerprint, verified }] = await Promise.all([
    scope.client.presence(user),
    scope.client.fingerprint(user),
  ]);
  const trust = verified ? 'verified' : 'not verified: compare the fingerprint, then /verify';
  return [
    `${user} ${online ? 'is online' : `was last seen ${moment(lastSeen)}`}`,
    `fingerprint ${safeLine(fingerprint)}`,
    trust,
  ];
}

async function fingerprint(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const user = await userOf(scope, rest);
  const theirs = await scope.client.fingerprint(user);
  const own = await scope.client.fingerprint(scope.client.account);
  return [
    `${user} ${safeLine(theirs.fingerprint)}${yes(theirs.verified, 'verified')}`,
    `you ${safeLine(own.fingerprint)}`,
  ];
}

async function verify(scope: ActionScope, rest: string): Promise<readonly string[]> {
  const [word, claimed] = firstWord(rest);
  if (claimed === '')
    return [...(await fingerprint(scope, word)), 'then: /verify @who FINGERPRINT'];
  const user = await userOf(scope, word);
  const { verified } = await scope.client.verify(user, claimed);
  if (verified) return [`${user} is verified`];
  return [`!! this is NOT the fingerprint of ${user}: somebody may be in between`];
}

function change(
  act: (client: Client, user: UserId) => Promise<void>,
  done: (user: UserId) => string,
): Action {
  return async (scope, rest) => {
    const user = await userOf(scope, rest);
    await act(scope.client, user);
    return [done(user)];
  };
}

const CONTACT_ACTIONS: Readonly<Record<'list' | 'add' | 'remove', Action>> = {
  list: contacts,
  add: change(
    (client, user) => client.addContact(user),
    (user) => `${user} is a contact`,
  ),
  remove: change(
    (client, user) => client.removeContact(user),
    (user) => `${user} is no contact any more`,
  ),
};

function contact(scope: ActionScope, rest: string): ReturnType<Action> {
  const [word, more] = firstWord(rest);
  const verb = findVerb('contact', word);
  if (verb !== undefined) return CONTACT_ACTIONS[verb](scope, more);
  throw new FastChatError('E_USAGE', 'say /contact add @bob or /contact remove @bob');
}

async function devices({ client }: ActionScope): Promise<readonly string[]> {
  const views = await client.devices();
  return views.map(({ device, name, lastSeen, current }) => {
    const seen = current ? 'this device' : `last seen ${moment(lastSeen)}`;
    return `${device} ${safeLine(name)} ${seen}`;
  });
}

/** One question to the node and its answer, in milliseconds. */
export async function roundTripMs(client: Client, clock: Clock): Promise<number> {
  const sinceMs = clock.mono();
  await client.presence(client.account);
  return clock.mono() - sinceMs;
}

async function ping({ client, clock, node }: ActionScope): Promise<readonly string[]> {
  const tookMs = await roundTripMs(client, clock);
  return [`${safeLine(node ?? 'the node')} answered in ${Math.round(tookMs)} ms`];
}

function showNode({ node, client }: ActionScope): readonly string[] {
  const place = node === undefined ? 'not connected' : `connected to ${safeLine(node)}`;
  return [`${client.account}, ${place}, ${counted(client.queued(), 'message')} in the outbox`];
}

/** Commands that only show or change something; `msg`, `join` and `quit` are the session's own. */
export const ACTIONS: Readonly<Record<Exclude<SlashName, 'msg' | 'join' | 'quit'>, Action>> = {
  read: history,
  list,
  search,
  contact,
  who,
  whois,
  ...GROUP_ACTIONS,
  block: change(
    (client, user) => client.block(user),
    (user) => `${user} is blocked`,
  ),
  unblock: change(
    (client, user) => client.unblock(user),
    (user) => `${user} is not blocked any more`,
  ),
  fingerprint,
  verify,
  devices,
  node: showNode,
  ping,
  help: (_scope, rest) => slashHelp(rest),
};

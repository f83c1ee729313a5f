/** `fastchat group …`. */
import type { GroupActions, GroupView } from '../../client/group-api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GroupRole } from '../../protocol/group-log.ts';
import { parseUserId } from '../../protocol/ids.ts';
import type { GroupId, UserId } from '../../protocol/ids.ts';
import { refusal, remember, withDevice, withSession } from '../account.ts';
import type { OpenAccount } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import { EXIT, exitCodeOf, isUnanswered } from '../exit-codes.ts';
import { GROUP_ROLES, groupsOf, withArticle } from '../group-words.ts';
import type { Row } from '../output.ts';
import { counted } from '../text-layout.ts';

/** The users named after the group, each once. @throws E_BAD_NAME */
function usersAfter({ args }: CommandContext): readonly UserId[] {
  return [...new Set(args.words.slice(1).map((word) => parseUserId(word)))];
}

/** Leaves out what nobody said. */
function profile({ args }: CommandContext): { readonly title?: string; readonly topic?: string } {
  const [title, topic] = [args.text('title'), args.text('topic')];
  return { ...(title !== undefined && { title }), ...(topic !== undefined && { topic }) };
}

export async function createGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  const members = usersAfter(context);
  const options = { members, ...profile(context) };
  await withSession(context, async ({ client }) => {
    const { epoch } = await groupsOf(client).create(group, options);
    await context.out.result({ json: { group, epoch }, plain: [] });
    const count = members.filter((user) => user !== client.account).length;
    const others = count === 0 ? '' : ` with ${counted(count, 'other')}`;
    context.out.note(`${group} is made${others}; write to it: fastchat chat '${group}'`);
  });
  return EXIT.ok;
}

/** Takes in what happened meanwhile; where no node answers, what this device knows will do. */
async function refresh(context: CommandContext, open: OpenAccount): Promise<void> {
  try {
    await open.client.connect();
    await remember(context, open);
    await open.client.caughtUp();
  } catch (cause) {
    const error = refusal(cause, open.account);
    if (!isUnanswered(error)) throw error;
    context.out.note(`${error.message}; this is what this device knows`);
  }
}

export async function listGroups(context: CommandContext): Promise<number> {
  await withDevice(context, async (open) => {
    await refresh(context, open);
    const views = await open.client.groups();
    const entries = views.map(({ group, title, topic, role }) => ({
      json: { group, title, topic, role },
      plain: [group, role, title, topic],
    }));
    if (views.length === 0)
      context.out.note("you are in no group; fastchat group create '#name' @friend makes one");
    else await context.out.table(['GROUP', 'YOU ARE', 'TITLE', 'TOPIC'], entries);
  });
  return EXIT.ok;
}

function infoRows({ group, title, topic, members }: GroupView): readonly Row[] {
  const rows = members.map(({ user, role, online }) => [user, role, online ? 'online' : '']);
  return [
    [`${group} ${title}`.trim()],
    ...(topic === '' ? [] : [[`topic: ${topic}`]]),
    [counted(members.length, 'member')],
    ...rows,
  ];
}

export async function showGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  await withSession(context, async ({ client }) => {
    const view = await groupsOf(client).info(group);
    const { title, topic, epoch, members } = view;
    if (context.out.options.json) await context.out.json({ group, title, topic, epoch, members });
    else await context.out.columns(infoRows(view));
  });
  return EXIT.ok;
}

/** What is done to one member: resolves with what programs get of it, and the line for people. */
interface Done {
  readonly json?: object;
  readonly note: string;
}
type Deed = (act: GroupActions, group: GroupId, user: UserId) => Promise<Done>;

/** Does it to every user named, in order; one that is refused does not keep the others from it. */
async function forEachUser(context: CommandContext, deed: Deed): Promise<number> {
  const group = context.args.group(0);
  const users = usersAfter(context);
  return withSession(context, async ({ client }) => {
    const codes: number[] = [];
    for (const user of users) {
      const code = await attempt(context, async () => {
        const { json, note } = await deed(groupsOf(client), group, user);
        await context.out.result({ json: { group, user, ...json }, plain: [] });
        context.out.note(note);
      });
      codes.push(code);
    }
    return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
  });
}

async function attempt(context: CommandContext, work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return EXIT.ok;
  } catch (cause) {
    // Anything else ends the command, not only what it does to one user.
    if (!(cause instanceof FastChatError)) throw cause;
    context.out.fail(cause);
    return exitCodeOf(cause);
  }
}

export function addMembers(context: CommandContext): Promise<number> {
  const role = context.args.choice('role', GROUP_ROLES);
  return forEachUser(context, async (act, group, user) => {
    const { epoch } = await act.add(group, user, role);
    return { json: { epoch }, note: `${user} is ${withArticle(role ?? 'member')} of ${group}` };
  });
}

export function removeMembers(context: CommandContext): Promise<number> {
  return forEachUser(context, async (act, group, user) => {
    const { epoch } = await act.remove(group, user);
    const note = `${user} is no member of ${group} any more, and reads nothing that is written from now on`;
    return { json: { epoch }, note };
  });
}

function changeRole(
  context: CommandContext,
  change: 'promote' | 'demote',
  standard: GroupRole,
): Promise<number> {
  const role = context.args.choice('role', GROUP_ROLES) ?? standard;
  return forEachUser(context, async (act, group, user) => {
    await act[change](group, user, role);
    return { json: { role }, note: `${user} is ${withArticle(role)} of ${group}` };
  });
}

export function promoteMembers(context: CommandContext): Promise<number> {
  return changeRole(context, 'promote', 'admin');
}

export function demoteMembers(context: CommandContext): Promise<number> {
  return changeRole(context, 'demote', 'member');
}

export async function transferGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  const user = context.args.user(1);
  await withSession(context, async ({ client }) => {
    await groupsOf(client).transfer(group, user);
    await context.out.result({ json: { group, user }, plain: [] });
    context.out.note(`${user} is an admin of ${group}; you are a member`);
  });
  return EXIT.ok;
}

export async function renameGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  const title = context.args.words.slice(1).join(' ');
  await withSession(context, async ({ client }) => {
    await groupsOf(client).rename(group, title);
    await context.out.result({ json: { group, title }, plain: [] });
    context.out.note(title === '' ? `${group} has no title` : `${group} is called ${title}`);
  });
  return EXIT.ok;
}

/** Without a text: shows it. */
export async function groupTopic(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  const words = context.args.words.slice(1);
  await withSession(context, async ({ client }) => {
    const act = groupsOf(client);
    const topic = words.length === 0 ? (await act.info(group)).topic : words.join(' ');
    if (words.length > 0) await act.setTopic(group, topic);
    const isShown = words.length === 0 && topic !== '';
    await context.out.result({ json: { group, topic }, plain: isShown ? [[topic]] : [] });
    if (topic === '') context.out.note(`${group} has no topic`);
    else if (!isShown) context.out.note(`the topic of ${group} is: ${topic}`);
  });
  return EXIT.ok;
}

export async function leaveGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  await withSession(context, async ({ client }) => {
    await groupsOf(client).leave(group);
    await context.out.result({ json: { group }, plain: [] });
    context.out.note(
      `you have left ${group}; what you have of it stays readable: fastchat read '${group}'`,
    );
  });
  return EXIT.ok;
}

export async function deleteGroup(context: CommandContext): Promise<number> {
  const group = context.args.group(0);
  await withSession(context, async ({ client }) => {
    const act = groupsOf(client);
    const { members } = await act.info(group);
    await confirm(context, {
      warning: `this ends ${group} for all its ${counted(members.length, 'member')} and cannot be undone`,
      question: 'Delete it?',
      declined: 'nothing was deleted',
    });
    await act.delete(group);
    await context.out.result({ json: { group }, plain: [] });
    context.out.note(`${group} is deleted`);
  });
  return EXIT.ok;
}

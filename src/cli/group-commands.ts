/** The commands of `fastchat group`. */
import type { CommandSpec, OptionSpec } from './command.ts';
import type * as groupModule from './commands/group.ts';
import { ACCOUNT_OPTIONS } from './global-options.ts';

interface Spec {
  readonly words: string;
  readonly summary: string;
  /** After `fastchat group`. */
  readonly examples: readonly [string, ...string[]];
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly run: keyof typeof groupModule;
}

function command(verb: string, { words, summary, examples, options, run }: Spec): CommandSpec {
  const [first, ...rest] = examples.map((example) => `fastchat group ${example}`);
  return {
    name: `group ${verb}`,
    words,
    summary,
    examples: [first ?? '', ...rest],
    options: { ...options, ...ACCOUNT_OPTIONS },
    load: async () => (await import('./commands/group.ts'))[run],
  };
}

const TITLE = { shape: 'TEXT', isVerbatim: true, doc: 'What it is called; no node can read it' };
const TOPIC = { shape: 'TEXT', isVerbatim: true, doc: 'What it is about; no node can read it' };
const role = (doc: string): Readonly<Record<string, OptionSpec>> => ({
  role: { shape: 'ROLE', doc },
});

const MEMBER_COMMANDS: readonly CommandSpec[] = [
  command('add', {
    words: '<group> <user..>',
    summary: 'Let somebody in; what was written before stays closed to them',
    examples: ["add '#team' @bob", "add '#team' @carol --role observer"],
    options: role('admin, member (default), or observer, who only reads'),
    run: 'addMembers',
  }),
  command('remove', {
    words: '<group> <user..>',
    summary: 'Put somebody out; they read nothing that is written from then on',
    examples: ["remove '#team' @bob"],
    run: 'removeMembers',
  }),
  command('leave', {
    words: '<group>',
    summary: 'Leave a group; with its last member it ends',
    examples: ["leave '#team'"],
    run: 'leaveGroup',
  }),
  command('promote', {
    words: '<group> <user..>',
    summary: 'Give somebody a higher role: an admin may change the group',
    examples: ["promote '#team' @bob"],
    options: role('admin (default) or member'),
    run: 'promoteMembers',
  }),
  command('demote', {
    words: '<group> <user..>',
    summary: 'Give somebody a lower role',
    examples: ["demote '#team' @bob", "demote '#team' @bob --role observer"],
    options: role('member (default) or observer'),
    run: 'demoteMembers',
  }),
  command('transfer', {
    words: '<group> <user>',
    summary: 'Make somebody an admin in your place; you become a member',
    examples: ["transfer '#team' @bob"],
    run: 'transferGroup',
  }),
];

export const GROUP_COMMANDS: readonly CommandSpec[] = [
  command('create', {
    words: '<group> [user..]',
    summary: 'Make a group, with all these members or not at all; you are its admin',
    examples: ["create '#team' @bob @carol --title 'Our team'"],
    options: { title: TITLE, topic: TOPIC },
    run: 'createGroup',
  }),
  command('list', {
    words: '',
    summary: 'Show the groups you are in',
    examples: ['list'],
    run: 'listGroups',
  }),
  command('info', {
    words: '<group>',
    summary: 'Show who is in a group, and who its admins are',
    examples: ["info '#team'"],
    run: 'showGroup',
  }),
  ...MEMBER_COMMANDS,
  command('rename', {
    words: '<group> <title..>',
    summary: "Change the title of a group; '' takes it away. The #name stays",
    examples: ["rename '#team' 'The other team'"],
    run: 'renameGroup',
  }),
  command('topic', {
    words: '<group> [text..]',
    summary: "Show or change what a group is about; '' takes it away",
    examples: ["topic '#team' 'deploys and alerts'", "topic '#team'"],
    run: 'groupTopic',
  }),
  command('delete', {
    words: '<group>',
    summary: 'End a group for everybody; asks first, without a terminal it wants --yes',
    examples: ["delete '#team'", "delete '#team' --yes"],
    options: { yes: { isFlag: true, doc: 'Do not ask' } },
    run: 'deleteGroup',
  }),
];

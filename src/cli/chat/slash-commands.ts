/** The commands of the chat screen: completion, help and parsing read this table. */

export interface SlashCommand {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Words after it. */
  readonly usage: string;
  readonly summary: string;
  readonly example: string;
}

const command = (
  name: string,
  usage: string,
  summary: string,
  more: { readonly example?: string; readonly aliases?: readonly string[] } = {},
): SlashCommand => ({
  name,
  usage,
  summary,
  aliases: more.aliases ?? [],
  example: more.example ?? `/${name}`,
});

/** Where a group may be named, it is the one in the prompt when it is not. */
const GROUP_TABLE = {
  group: command('group', '<verb> [#group]', 'Groups: create, list, info, delete', {
    example: '/group create #team @bob @carol',
    aliases: ['g'],
  }),
  join: command('join', '<#group>', 'Open a group that you are in', {
    example: '/join #team',
    aliases: ['j'],
  }),
  leave: command('leave', '[#group]', 'Leave a group for good', {
    example: '/leave #team',
    aliases: ['part'],
  }),
  invite: command('invite', '<who> [#group]', 'Let somebody into a group', {
    example: '/invite @bob',
    aliases: ['add', 'a'],
  }),
  kick: command('kick', '<who> [#group]', 'Put somebody out of a group', {
    example: '/kick @bob',
    aliases: ['remove'],
  }),
  promote: command('promote', '<who> [role]', 'Give a higher role: admin, or member', {
    example: '/promote @bob',
  }),
  demote: command('demote', '<who> [role]', 'Give a lower role: member, or observer', {
    example: '/demote @bob observer',
  }),
  transfer: command('transfer', '<who> [#group]', 'Make somebody the admin in your place', {
    example: '/transfer @bob',
  }),
  topic: command('topic', '[text]', 'Show or set what the group is about; - is none', {
    example: '/topic deploys and alerts',
  }),
  rename: command('rename', '<title>', 'Give the group another title; - is none', {
    example: '/rename The other team',
  }),
  members: command('members', '[#group]', 'Show who is in the group', { aliases: ['names'] }),
} as const satisfies Record<string, SlashCommand>;

/** The commands that are about groups. */
export type GroupSlashName = keyof typeof GROUP_TABLE;

const SLASH_TABLE = {
  msg: command('msg', '<who> [text]', 'Open a conversation; with a text, send it', {
    example: '/msg @bob lunch?',
    aliases: ['query', 'dm'],
  }),
  read: command('read', '[n]', 'Show the last n messages of this conversation', {
    example: '/read 50',
    aliases: ['history'],
  }),
  list: command('list', '', 'Show all conversations, the unread ones first', {
    aliases: ['conversations', 'unreads'],
  }),
  search: command('search', '<text>', 'Find messages on this device', {
    example: '/search deploy',
    aliases: ['s'],
  }),
  contact: command('contact', '[add|remove who]', 'Show the contacts, or change them', {
    example: '/contact add @bob',
    aliases: ['contacts'],
  }),
  who: command('who', '', 'Show which contacts are online'),
  whois: command('whois', '[who]', 'Show what is known of somebody', { example: '/whois @bob' }),
  ...GROUP_TABLE,
  block: command('block', '[who]', 'Take no more messages; they are not told', {
    example: '/block @mallory',
  }),
  unblock: command('unblock', '[who]', 'Take messages from somebody again', {
    example: '/unblock @mallory',
  }),
  fingerprint: command('fingerprint', '[who]', 'Show the fingerprint to compare', {
    example: '/fingerprint @bob',
    aliases: ['keys'],
  }),
  verify: command('verify', '<who> <fingerprint>', 'Compare a fingerprint that you were told', {
    example: '/verify @bob 12345 67890',
    aliases: ['trust'],
  }),
  devices: command('devices', '', 'Show the devices of your account'),
  node: command('node', '', 'Show which node you are connected to'),
  ping: command('ping', '', 'Measure the way to the node and back'),
  help: command('help', '[command]', 'Explain a command, or list all', {
    example: '/help msg',
    aliases: ['h', '?'],
  }),
  quit: command('quit', '', 'Leave; what is in the outbox is sent first', {
    aliases: ['q', 'exit'],
  }),
} as const satisfies Record<string, SlashCommand>;

/** The first word after a command that does several things. */
const VERBS = {
  group: ['create', 'delete', 'info', 'list'],
  contact: ['add', 'list', 'remove'],
} as const;
type Verb<Name extends keyof typeof VERBS> = (typeof VERBS)[Name][number];

/** The same for completion, by command. */
export const SLASH_VERBS: Readonly<Partial<Record<SlashName, readonly string[]>>> = VERBS;

/** The verb of `name` that `word` is, or is the beginning of; without a word: list. */
export function findVerb<Name extends keyof typeof VERBS>(
  name: Name,
  word: string,
): Verb<Name> | undefined {
  const all: ReadonlyArray<Verb<Name>> = VERBS[name];
  const folded = word === '' ? 'list' : word.toLowerCase();
  return all.find((verb) => verb.startsWith(folded));
}

export type SlashName = keyof typeof SLASH_TABLE;

export const SLASH_COMMANDS: Readonly<Record<SlashName, SlashCommand>> = SLASH_TABLE;

/** Every word after a slash that means a command, and which. */
export const SLASH_WORDS: ReadonlyMap<string, SlashName> = new Map(
  Object.entries(SLASH_TABLE).flatMap(([name, { aliases }]) =>
    [name, ...aliases].map((word) => [word, name as SlashName] as const),
  ),
);

/** What `word` means: a name, an alias, or the beginning of names of one command only; otherwise the candidates. */
export function findSlash(word: string): SlashName | readonly string[] {
  const folded = word.toLowerCase();
  const exact = SLASH_WORDS.get(folded);
  if (exact !== undefined) return exact;
  const matches = [...SLASH_WORDS].filter(([known]) => folded !== '' && known.startsWith(folded));
  const names = new Set(matches.map(([, name]) => name));
  const [only] = names;
  return only !== undefined && names.size === 1 ? only : matches.map(([known]) => `/${known}`);
}

/** `/help`, or `/help command`. */
export function slashHelp(word: string): readonly string[] {
  if (word === '') {
    const usages = Object.values(SLASH_COMMANDS).map((one) => `/${one.name} ${one.usage}`.trim());
    const width = Math.max(...usages.map((usage) => usage.length));
    const list = Object.values(SLASH_COMMANDS).map(
      (one, index) => `  ${(usages[index] ?? '').padEnd(width)}  ${one.summary}`,
    );
    return [
      'A line goes to the name in the prompt; @bob text or #team text goes elsewhere.',
      'A text may begin with a slash when you double it: //. Ctrl+C twice leaves.',
      ...list,
    ];
  }
  const found = findSlash(word.replace(/^\//, ''));
  if (typeof found !== 'string') return [`there is no command /${word.replace(/^\//, '')}`];
  const { name, usage, summary, aliases, example } = SLASH_COMMANDS[found];
  const also =
    aliases.length === 0 ? [] : [`  also: ${aliases.map((alias) => `/${alias}`).join(' ')}`];
  return [`/${name} ${usage}`.trim(), `  ${summary}`, `  example: ${example}`, ...also];
}

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
  contacts: command('contacts', '', 'Show the contacts'),
  who: command('who', '', 'Show which contacts are online', { aliases: ['names'] }),
  whois: command('whois', '[who]', 'Show what is known of somebody', { example: '/whois @bob' }),
  add: command('add', '[who]', 'Add a contact', { example: '/add @bob' }),
  remove: command('remove', '[who]', 'Remove a contact', { example: '/remove @bob' }),
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
      'A line goes to the name in the prompt; @bob text goes to somebody else.',
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

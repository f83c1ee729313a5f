/** From argv to a command and its arguments. yargs reads the options; the table says which there are. */
import yargs from 'yargs';
import type { Options } from 'yargs';
import { FastChatError } from '../protocol/errors.ts';
import { closest, didYouMean } from '../ops/suggest.ts';
import { Arguments } from './arguments.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';

type OptionTable = Readonly<Record<string, OptionSpec>>;

/** A command found in argv, or the words that name none (a group such as `contact`, or nothing). */
export type CommandLine =
  | { readonly kind: 'command'; readonly spec: CommandSpec; readonly args: Arguments }
  | { readonly kind: 'help'; readonly words: readonly string[]; readonly isAsked: boolean };

function optionsOf(spec: CommandSpec | undefined): OptionTable {
  return { ...spec?.options, ...GLOBAL_OPTIONS };
}

/**
 * Options that may come before the command, which is not known yet: those of any command, as far as all that have one
 * agree whether a value follows it. `DIR` is no word of `admin --data DIR status`.
 */
function optionsOfAny(commands: readonly CommandSpec[]): OptionTable {
  const all = commands.flatMap((spec) => Object.entries(optionsOf(spec)));
  const flags = new Set(all.filter(([, { isFlag }]) => isFlag === true).map(([name]) => name));
  const agreed = all.filter(([name, { isFlag }]) => flags.has(name) === (isFlag === true));
  return Object.fromEntries([
    ...agreed,
    ['user', { alias: 'u', doc: '' }],
    ['server', { doc: '' }],
  ]);
}

/** Other names of an option, without dashes. */
export function aliasesOf(option: OptionSpec): readonly string[] {
  if (option.alias === undefined) return [];
  return typeof option.alias === 'string' ? [option.alias] : option.alias;
}

/** The option that `token` names, without a value of its own after `=`. */
function optionNamed(token: string, options: OptionTable): OptionSpec | undefined {
  const name = /^--?([^=]+)$/.exec(token)?.[1];
  if (name === undefined) return undefined;
  const found = Object.entries(options).find(
    ([key, option]) => key === name || aliasesOf(option).includes(name),
  );
  return found?.[1];
}

/** Indexes of the words of argv that are neither options nor their values. */
function wordIndexes(argv: readonly string[], options: OptionTable): readonly number[] {
  const indexes: number[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const token = argv[index] ?? '';
    if (token === '--') break;
    const option = token.startsWith('-') ? optionNamed(token, options) : undefined;
    if (option !== undefined && option.isFlag !== true) index += 1;
    if (!token.startsWith('-')) indexes.push(index);
  }
  return indexes;
}

function isPrefix(prefix: readonly string[], words: readonly string[]): boolean {
  return prefix.every((word, index) => words[index] === word);
}

/** The longest command whose words `words` begin with. */
function findCommand(
  commands: readonly CommandSpec[],
  words: readonly string[],
): CommandSpec | undefined {
  return commands
    .filter((spec) => isPrefix(spec.name.split(' '), words))
    .sort((left, right) => right.name.length - left.name.length)[0];
}

/** Every way that a command line may begin: `contact`, `contact add`, … */
function beginnings(commands: readonly CommandSpec[]): ReadonlySet<string> {
  const all = commands.flatMap(({ name }) => {
    const words = name.split(' ');
    return words.map((_, index) => words.slice(0, index + 1).join(' '));
  });
  return new Set(all);
}

function unknownCommand(commands: readonly CommandSpec[], words: readonly string[]): FastChatError {
  const known = beginnings(commands);
  let depth = 0;
  while (depth < words.length && known.has(words.slice(0, depth + 1).join(' '))) depth += 1;
  const shown = words.slice(0, depth + 1).join(' ');
  const parent = words.slice(0, depth).join(' ');
  const siblings = [...known].filter((name) => name.split(' ').length === depth + 1);
  const near = siblings.filter((name) => parent === '' || name.startsWith(`${parent} `));
  const hint = didYouMean(shown, near);
  const help = parent === '' ? 'fastchat --help' : `fastchat ${parent} --help`;
  return new FastChatError(
    'E_USAGE',
    `unknown command ${JSON.stringify(shown)}${hint}; see ${help}`,
  );
}

/** Glues `-m` to the word after it, which may begin with a dash: `-m '- one'`. */
function withVerbatim(tokens: readonly string[], options: OptionTable): readonly string[] {
  const glued: string[] = [];
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] ?? '';
    if (token === '--') return [...glued, ...tokens.slice(index)];
    const option = token.startsWith('-') ? optionNamed(token, options) : undefined;
    const value = tokens[index + 1];
    if (option?.isVerbatim === true && value !== undefined) {
      const name = Object.entries(options).find(([, known]) => known === option)?.[0];
      glued.push(`--${name}=${value}`);
      index += 1;
    } else glued.push(token);
  }
  return glued;
}

function yargsOptions(options: OptionTable): Record<string, Options> {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      {
        alias: [...aliasesOf(option)],
        describe: option.doc,
        ...(option.isFlag === true ? { boolean: true } : { string: true, requiresArg: true }),
      },
    ]),
  );
}

const PARSER = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'strip-aliased': true,
} as const;

function checkNames(found: Readonly<Record<string, unknown>>, options: OptionTable): void {
  const unknown = Object.keys(found).find(
    (name) => !['_', '$0', ...Object.keys(options)].includes(name),
  );
  if (unknown === undefined) return;
  const flag = unknown.length === 1 ? `-${unknown}` : `--${unknown}`;
  const near = closest(unknown, Object.keys(options));
  const hint = near === undefined ? '' : ` (did you mean --${near}?)`;
  throw new FastChatError('E_USAGE', `unknown option ${flag}${hint}`);
}

function parseOptions(tokens: readonly string[], options: OptionTable): Arguments {
  const parsed = yargs()
    .parserConfiguration(PARSER)
    // Before the options: it would take away one that is called help.
    .help(false)
    .version(false)
    .options(yargsOptions(options))
    .exitProcess(false)
    .detectLocale(false)
    .fail((message: string) => {
      throw new FastChatError('E_USAGE', message);
    })
    .parseSync([...withVerbatim(tokens, options)]) as Readonly<Record<string, unknown>>;
  checkNames(parsed, options);
  const words = (parsed['_'] as ReadonlyArray<string | number>).map(String);
  return new Arguments(words, parsed);
}

/** Whoever wrote #team without quotes sees nothing missing: most shells took it for a comment. */
function hashHint({ words = '' }: CommandSpec): string {
  return /group|target/.test(words)
    ? " (a shell drops #team: write '#team' in quotes, or team)"
    : '';
}

/** `<user> [target] <target..>`: how many words there must and may be. */
function checkWords(spec: CommandSpec, words: readonly string[]): void {
  const expected = (spec.words ?? '').split(' ').filter((word) => word !== '');
  const min = expected.filter((word) => word.startsWith('<')).length;
  const max = expected.some((word) => word.includes('..')) ? Infinity : expected.length;
  const usage = `usage: fastchat ${spec.name} ${spec.words ?? ''}`.trim();
  if (words.length < min)
    throw new FastChatError('E_USAGE', `something is missing; ${usage}${hashHint(spec)}`);
  if (words.length > max)
    throw new FastChatError('E_USAGE', `${JSON.stringify(words[max])} is too much; ${usage}`);
}

/** `fastchat --version` is what people try first. */
function withVersion(argv: readonly string[]): readonly string[] {
  return argv[0] === '--version' || argv[0] === '-V' ? ['version', ...argv.slice(1)] : argv;
}

/** @throws E_USAGE: an unknown command or option, a missing or superfluous word */
export function parseCommandLine(
  commands: readonly CommandSpec[],
  givenArgv: readonly string[],
): CommandLine {
  const argv = withVersion(givenArgv);
  const indexes = wordIndexes(argv, optionsOfAny(commands));
  const words = indexes.map((index) => argv[index] ?? '');
  const spec = findCommand(commands, words);
  const isHelp = argv.includes('--help') || argv.includes('-h');
  if (spec === undefined) {
    if (words.length > 0 && !beginnings(commands).has(words.join(' ')))
      throw unknownCommand(commands, words);
    if (words.length === 0 && !isHelp) parseOptions(argv, GLOBAL_OPTIONS);
    return { kind: 'help', words, isAsked: isHelp };
  }
  const named = new Set(indexes.slice(0, spec.name.split(' ').length));
  const args = parseOptions(
    argv.filter((_, index) => !named.has(index)),
    optionsOf(spec),
  );
  if (args.flag('help')) return { kind: 'help', words: spec.name.split(' '), isAsked: true };
  checkWords(spec, args.words);
  return { kind: 'command', spec, args };
}

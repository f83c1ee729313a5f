/** Help texts: an example first, then how it is called, then the options. */
import { FastChatError } from '../protocol/errors.ts';
import { didYouMean } from '../ops/suggest.ts';
import type { CommandSpec, OptionSpec } from './command.ts';
import { aliasesOf } from './command-line.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { wrapWords } from './text-layout.ts';

const OVERVIEW_EXAMPLES = [
  'fastchat register -u alice --server fastchat://127.0.0.1:7400',
  'fastchat chat @bob',
  "fastchat group create '#team' @bob @carol",
  'echo deploy ok | fastchat send @bob',
];

function examples(lines: readonly string[]): string {
  return ['Example:', ...lines.map((line) => `  ${line}`)].join('\n');
}

const COLUMN_MAX = 36;
const LINE_COLUMNS = 80;

/** Two columns; what does not fit the first one gets a line of its own. */
function table(rows: ReadonlyArray<readonly [left: string, right: string]>): string {
  const fitting = rows.map(([left]) => left.length).filter((length) => length <= COLUMN_MAX);
  const width = Math.max(0, ...fitting);
  const lines = rows.map(([left, right]) => {
    const gap =
      left.length > width ? `\n${' '.repeat(width + 4)}` : `${' '.repeat(width - left.length)}  `;
    const [first = '', ...rest] = wrapWords(right, LINE_COLUMNS - width - 4);
    const further = rest.map((line) => `\n${' '.repeat(width + 4)}${line}`).join('');
    return `  ${left}${gap}${first}${further}`.trimEnd();
  });
  return lines.join('\n');
}

function usageOf(spec: CommandSpec): string {
  return `${spec.name} ${spec.words ?? ''}`.trim();
}

/** `-m, --message TEXT`. */
function optionUsage(name: string, option: OptionSpec): string {
  const short = aliasesOf(option).find((alias) => alias.length === 1);
  const flags = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return option.shape === undefined ? flags : `${flags} ${option.shape}`;
}

function optionList(title: string, options: Readonly<Record<string, OptionSpec>>): string {
  const rows = Object.entries(options).map(
    ([name, option]) => [optionUsage(name, option), option.doc] as const,
  );
  return `${title}:\n${table(rows)}`;
}

function commandHelp(spec: CommandSpec): string {
  const usage = `Usage: fastchat ${usageOf(spec)} [options]\n${spec.summary}`;
  const own = spec.options === undefined ? [] : [optionList('Options', spec.options)];
  const common = optionList('Common options', GLOBAL_OPTIONS);
  return [examples(spec.examples), usage, ...own, common].join('\n\n');
}

function listHelp(commands: readonly CommandSpec[], prefix: string): string {
  const isTop = prefix === '';
  const first = commands.flatMap((spec) => spec.examples.slice(0, 1)).slice(0, 3);
  const usage = `Usage: fastchat ${isTop ? '' : `${prefix} `}<command> [options]`;
  const list = table(commands.map((spec) => [usageOf(spec), spec.summary]));
  const more = 'fastchat <command> --help says more; fastchat help exit-codes lists those.';
  return [examples(isTop ? OVERVIEW_EXAMPLES : first), usage, `Commands:\n${list}`, more].join(
    '\n\n',
  );
}

/** What exit codes mean, as a table. */
export function exitCodesHelp(): string {
  const rows = EXIT_CODES.map(([code, meaning]) => [String(code), meaning] as const);
  return `${examples(['fastchat send @bob -m hi; echo $?'])}\n\nExit codes:\n${table(rows)}`;
}

/** The help for a command, for a group of commands, or for the program. @throws E_USAGE for unknown words */
export function helpFor(commands: readonly CommandSpec[], words: readonly string[]): string {
  const name = words.join(' ');
  const exact = commands.find((spec) => spec.name === name);
  if (exact !== undefined) return commandHelp(exact);
  if (name === 'exit-codes') return exitCodesHelp();
  const group =
    name === '' ? commands : commands.filter((spec) => spec.name.startsWith(`${name} `));
  if (group.length > 0) return listHelp(group, name);
  const topics = [...commands.map((spec) => spec.name), 'exit-codes'];
  throw new FastChatError(
    'E_USAGE',
    `no help on ${JSON.stringify(name)}${didYouMean(name, topics)}`,
  );
}

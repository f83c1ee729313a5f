/** What a typed line means. A mistyped command is an error, never a message. */
import { didYouMean } from '../../ops/suggest.ts';
import { findSlash, SLASH_WORDS } from './slash-commands.ts';
import type { SlashName } from './slash-commands.ts';

export type ChatLine =
  | { readonly kind: 'empty' }
  /** To whoever the prompt names. */
  | { readonly kind: 'text'; readonly text: string }
  /** To somebody else, without switching; without text: switch. */
  | { readonly kind: 'direct'; readonly target: string; readonly text: string }
  | { readonly kind: 'command'; readonly name: SlashName; readonly rest: string }
  | { readonly kind: 'error'; readonly message: string };

function parseCommand(line: string): ChatLine {
  const [, word = '', rest = ''] = /^\/(\S*)\s*([\s\S]*)$/.exec(line) ?? [];
  const found = findSlash(word);
  if (typeof found === 'string') return { kind: 'command', name: found, rest: rest.trim() };
  if (found.length > 0)
    return { kind: 'error', message: `/${word} could be ${found.join(' ')}; nothing was sent` };
  const hint = didYouMean(
    `/${word}`,
    [...SLASH_WORDS.keys()].map((known) => `/${known}`),
  );
  const advice = 'nothing was sent; /help lists the commands, // begins a text with a slash';
  return { kind: 'error', message: `there is no command /${word}${hint}: ${advice}` };
}

export function parseChatLine(line: string): ChatLine {
  if (line.trim() === '') return { kind: 'empty' };
  if (line.startsWith('//')) return { kind: 'text', text: line.slice(1) };
  if (line.startsWith('/')) return parseCommand(line);
  const direct = /^([@#][^\s]+)(?:\s+([\s\S]*))?$/.exec(line);
  if (direct?.[1] !== undefined)
    return { kind: 'direct', target: direct[1], text: (direct[2] ?? '').trim() };
  return { kind: 'text', text: line };
}

/** The first word and the rest of a command's arguments. */
export function firstWord(rest: string): readonly [word: string, rest: string] {
  const [, word = '', more = ''] = /^(\S*)\s*([\s\S]*)$/.exec(rest) ?? [];
  return [word, more];
}

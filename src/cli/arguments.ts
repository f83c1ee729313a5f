/** The arguments of one command, read by type; a wrong one is a usage error that names its flag. */
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import { parseGroupId, parseUserId } from '../protocol/ids.ts';
import type { GroupId, UserId } from '../protocol/ids.ts';
import { didYouMean } from '../ops/suggest.ts';
import { parseDurationMs } from '../ops/units.ts';

export class Arguments {
  /** Words after the command. */
  readonly words: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(words: readonly string[], options: Readonly<Record<string, unknown>> = {}) {
    this.words = words;
    this.#options = options;
  }

  /** @throws E_USAGE when it was given twice */
  text(name: string): string | undefined {
    const value = this.#options[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string') return value;
    throw new FastChatError('E_USAGE', `--${name} is given more than once`);
  }

  flag(name: string): boolean {
    return this.#options[name] === true;
  }

  /** What a flag that can be turned off (`--no-color`) says, if it was given. */
  toggle(name: string): boolean | undefined {
    const value = this.#options[name];
    return typeof value === 'boolean' ? value : undefined;
  }

  /** @throws E_USAGE */
  count(name: string, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
    throw new FastChatError('E_USAGE', `--${name} is a number from 1 to ${max}`);
  }

  /** In milliseconds. @throws E_USAGE */
  durationMs(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    try {
      return parseDurationMs(text);
    } catch (cause) {
      throw new FastChatError('E_USAGE', `--${name}: ${asFastChatError(cause).message}`, { cause });
    }
  }

  /** @throws E_USAGE */
  choice<const T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name);
    const known = values.find((value) => value === text);
    if (text === undefined || known !== undefined) return known;
    const expected = `--${name} is one of ${values.join(', ')}`;
    throw new FastChatError('E_USAGE', `${expected}${didYouMean(text, values)}`);
  }

  /** The word at `index`, from 0, as a user. @throws E_USAGE, E_BAD_NAME */
  user(index: number): UserId {
    const word = this.words[index];
    if (word === undefined) throw new FastChatError('E_USAGE', 'name a user');
    return parseUserId(word);
  }

  /** The word at `index`, from 0, as a group. @throws E_USAGE, E_BAD_NAME */
  group(index: number): GroupId {
    const word = this.words[index];
    if (word === undefined) throw new FastChatError('E_USAGE', 'name a group');
    return parseGroupId(word);
  }
}

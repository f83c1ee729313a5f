/**
 * Recovery codes: what a person writes on paper to open the vault without the password. Thirty symbols in groups of
 * five; 26 of them are random (130 bits), four are a checksum that finds typing errors.
 */
import { FastChatError } from '../../protocol/errors.ts';
import { utf8 } from '../bytes.ts';
import { SYMMETRIC_KEY_BYTES } from '../sizes.ts';
import type { OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';

/** Crockford's base32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RANDOM_SYMBOLS = 26;
const CHECK_SYMBOLS = 4;
const CHECK_HASH_BYTES = 16;
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const SHOWN = '[SecretKey]';

/** A well-formed recovery code; printed only by asking for its text. */
export class RecoveryCode {
  readonly #symbols: string;

  private constructor(symbols: string) {
    this.#symbols = symbols;
  }

  static generate(suite: OpeningSuite): RecoveryCode {
    const random = symbolsOf(suite.random(RANDOM_SYMBOLS));
    return new RecoveryCode(random + checksum(suite, random));
  }

  /** Forgives case, spaces, dashes, and O, I and L for the digits they look like. @throws E_USAGE */
  static parse(suite: OpeningSuite, text: string): RecoveryCode {
    const symbols = text
      .toUpperCase()
      .replaceAll(/[\s-]/g, '')
      .replaceAll('O', '0')
      .replaceAll(/[IL]/g, '1');
    const random = symbols.slice(0, RANDOM_SYMBOLS);
    const complete = symbols.length === RANDOM_SYMBOLS + CHECK_SYMBOLS;
    if (!complete || symbols.slice(RANDOM_SYMBOLS) !== checksum(suite, random))
      throw new FastChatError('E_USAGE', 'this is no recovery code: check it for typing errors');
    return new RecoveryCode(symbols);
  }

  /** Six groups of five, for paper. */
  toText(): string {
    return (this.#symbols.match(/.{5}/g) ?? []).join('-');
  }

  /** 32 bytes that keys are derived from. The code has 130 random bits, so it needs no stretching. */
  secret(suite: OpeningSuite): Uint8Array {
    return suite.hash(TAGS.recoverySecret, [utf8(this.#symbols)], SYMMETRIC_KEY_BYTES);
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [INSPECT](): string {
    return SHOWN;
  }
}

/** One symbol for each byte; 256 is a multiple of 32, so they are uniform. */
function symbolsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('');
}

function checksum(suite: OpeningSuite, random: string): string {
  const digest = suite.hash(TAGS.recoveryChecksum, [utf8(random)], CHECK_HASH_BYTES);
  return symbolsOf(digest.subarray(0, CHECK_SYMBOLS));
}

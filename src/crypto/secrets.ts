/** Holders of private bytes that no log line, crash dump of an object or JSON can show. */
import type { KeyPair } from './suite.ts';

/** What `console.log` and friends call; a registered symbol, so browsers need no import. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const SHOWN = '[SecretKey]';

/** Private bytes. Whoever needs them says `reveal`; wiping is best effort, as JavaScript cannot promise it. */
export class SecretBytes {
  readonly #bytes: Uint8Array;

  /** Keeps a copy, so that wiping the source or the frame it came in does not matter. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Uint8Array.from(bytes);
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** Overwrites the bytes with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
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

/** A key pair whose private half is readable but never printed. */
export class SecretKeyPair implements KeyPair {
  readonly publicKey: Uint8Array;
  readonly #privateKey: SecretBytes;

  constructor(publicKey: Uint8Array, privateKey: Uint8Array) {
    this.publicKey = Uint8Array.from(publicKey);
    this.#privateKey = new SecretBytes(privateKey);
  }

  static of(keys: KeyPair): SecretKeyPair {
    return keys instanceof SecretKeyPair
      ? keys
      : new SecretKeyPair(keys.publicKey, keys.privateKey);
  }

  get privateKey(): Uint8Array {
    return this.#privateKey.reveal();
  }

  wipe(): void {
    this.#privateKey.wipe();
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

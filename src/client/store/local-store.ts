/**
 * The client's own store: typed records, encrypted under the store key, over an ordered map of bytes.
 *
 * L1  A transaction is flushed as a whole before anything that depends on it is said or shown (`after`).
 * L2  Every value is bound to its key, so records cannot be exchanged; a damaged one is E_DECRYPT, never garbage.
 * L3  Names (users, message ids) appear in keys only as keyed hashes.
 */
import { utf8 } from '../../crypto/bytes.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { TAGS } from '../../crypto/tags.ts';
import type { ClientKv } from '../../persist/client-kv.ts';
import { after } from '../../persist/keys.ts';
import type { StoreKey, Write } from '../../persist/shard-store.ts';
import { decode, encode } from '../../protocol/codec.ts';
import { STORE_RANGE_MAX } from '../../protocol/limits.ts';
import type { Type } from '../../protocol/schema.ts';

const NAME_BYTES = 16;
/** Names that are remembered: a hash takes 2 to 3 µs, and a message asks for some forty, mostly the same few. */
const NAMES_REMEMBERED = 512;

/** Separates the parts of what is remembered: only the last one, such as a message id, may be a stranger's choice. */
const NOT_IN_NAMES = '\0';

/** Reads records; a transaction reads its own writes. */
export interface Reader {
  get<T>(key: StoreKey, type: Type<T>): T | undefined;
}

/** Which keys of a prefix to read, from either end. */
export interface ScanOptions {
  /** Default: the first key of the prefix. */
  readonly from?: StoreKey;
  /** Exclusive. Default: the end of the prefix. */
  readonly to?: StoreKey;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface Row<T> {
  readonly key: StoreKey;
  readonly value: T;
}

export class LocalStore implements Reader {
  readonly #kv: ClientKv;
  readonly #suite: OpeningSuite;
  readonly #key: SecretBytes;
  readonly #names = new Map<string, Uint8Array>();

  /** `key`: 32 bytes, the store key. */
  constructor(kv: ClientKv, suite: OpeningSuite, key: SecretBytes) {
    this.#kv = kv;
    this.#suite = suite;
    this.#key = key;
  }

  get<T>(key: StoreKey, type: Type<T>): T | undefined {
    const sealed = this.#kv.get(key);
    return sealed === undefined ? undefined : this.#open(key, sealed, type);
  }

  /** The records under a prefix in key order, at most STORE_RANGE_MAX at once. */
  scan<T>(prefix: StoreKey, type: Type<T>, options: ScanOptions = {}): ReadonlyArray<Row<T>> {
    const { from = prefix, to = after(prefix), limit = STORE_RANGE_MAX, reverse = false } = options;
    const pairs = this.#kv.range(from, to, { limit, reverse });
    return pairs.map(([key, sealed]) => ({ key, value: this.#open(key, sealed, type) }));
  }

  /** Every record under a prefix from `start` on, read a page at a time. */
  *all<T>(prefix: StoreKey, type: Type<T>, start: StoreKey = prefix): Generator<Row<T>> {
    let from = start;
    for (;;) {
      const rows = this.scan(prefix, type, { from });
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < STORE_RANGE_MAX) return;
      // The next key after `last` in byte order is `last` and a zero byte.
      from = Buffer.concat([last.key, Uint8Array.of(0)]);
    }
  }

  /** A name for a key that does not tell what it names; 16 bytes, the same for the same parts. */
  blind(...parts: readonly string[]): Uint8Array {
    const known = parts.join(NOT_IN_NAMES);
    let name = this.#names.get(known);
    if (name !== undefined) return name;
    name = this.#suite.hash(TAGS.localName, [this.#key.reveal(), ...parts.map(utf8)], NAME_BYTES);
    if (this.#names.size >= NAMES_REMEMBERED) this.#names.clear();
    this.#names.set(known, name);
    return name;
  }

  /** Runs `work` at once; resolves with its result when everything it wrote is flushed and its `after` tasks have run. */
  async transact<T>(work: (tx: Transaction) => T): Promise<T> {
    const tx = new Transaction(this, (key, plain) => this.#seal(key, plain));
    const result = work(tx);
    const writes = tx.takeWrites();
    if (writes.length > 0) await this.#kv.transact(writes);
    tx.runAfter();
    return result;
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  #seal(key: StoreKey, plain: Uint8Array): Uint8Array {
    return this.#suite.encrypt(TAGS.localRecord, plain, [key], this.#key.reveal());
  }

  #open<T>(key: StoreKey, sealed: Uint8Array, type: Type<T>): T {
    return decode(type, this.#suite.decrypt(TAGS.localRecord, sealed, [key], this.#key.reveal()));
  }
}

interface PendingWrite {
  readonly key: StoreKey;
  /** undefined: the record is removed. */
  readonly plain: Uint8Array | undefined;
}

/** Collects writes; nothing is visible to others before the whole of it is. */
export class Transaction implements Reader {
  readonly #store: LocalStore;
  readonly #seal: (key: StoreKey, plain: Uint8Array) => Uint8Array;
  readonly #writes = new Map<string, PendingWrite>();
  readonly #after: Array<() => void> = [];

  constructor(store: LocalStore, seal: (key: StoreKey, plain: Uint8Array) => Uint8Array) {
    this.#store = store;
    this.#seal = seal;
  }

  get<T>(key: StoreKey, type: Type<T>): T | undefined {
    const pending = this.#writes.get(mapKey(key));
    if (pending === undefined) return this.#store.get(key, type);
    return pending.plain === undefined ? undefined : decode(type, pending.plain);
  }

  put<T>(key: StoreKey, type: Type<T>, value: T): void {
    this.#writes.set(mapKey(key), { key, plain: encode(type, value) });
  }

  remove(key: StoreKey): void {
    this.#writes.set(mapKey(key), { key, plain: undefined });
  }

  /** Runs `task` once the transaction is flushed, in the order of the calls. */
  after(task: () => void): void {
    this.#after.push(task);
  }

  /** For the store: what to write. */
  takeWrites(): readonly Write[] {
    return [...this.#writes.values()].map(({ key, plain }) => ({
      key,
      value: plain === undefined ? undefined : this.#seal(key, plain),
    }));
  }

  /** For the store: everything is flushed. */
  runAfter(): void {
    for (const task of this.#after) task();
  }
}

function mapKey(key: StoreKey): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

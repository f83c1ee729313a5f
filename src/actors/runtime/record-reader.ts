/** Reads the records of one actor, all under one key prefix. Whoever calls sees to it that only flushed ones matter (I2). */
import { decode } from '../../protocol/codec.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { Type } from '../../protocol/schema.ts';
import type { ActorStore, RecordCodec } from '../ports.ts';

type Parts = ReadonlyArray<string | number>;

/** Numbers that end a key, both inclusive, and how many of them at most. */
export interface RecordRange {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

export class RecordReader {
  readonly #store: ActorStore;
  readonly #codec: RecordCodec;
  readonly #prefix: Parts;

  constructor(store: ActorStore, codec: RecordCodec, prefix: Parts) {
    this.#store = store;
    this.#codec = codec;
    this.#prefix = prefix;
  }

  /** The record at one key. */
  one<T>(type: Type<T>, ...parts: Parts): T | undefined {
    const value = this.#store.get(this.#key(parts));
    return value === undefined ? undefined : parseStored(type, value);
  }

  /** A value that was written in chunks. */
  long(...parts: Parts): Uint8Array | undefined {
    const key = this.#key(parts);
    const chunks = this.#store.range(key, this.#codec.after(key));
    return this.#codec.join(chunks.map(([, value]) => value));
  }

  /** A record that was written in chunks. */
  chunked<T>(type: Type<T>, ...parts: Parts): T | undefined {
    const value = this.long(...parts);
    return value === undefined ? undefined : parseStored(type, value);
  }

  /** Every record under a prefix, in order, a range at a time: one range has a bounded length. */
  all<T>(type: Type<T>, ...parts: Parts): T[] {
    const prefix = this.#key(parts);
    const end = this.#codec.after(prefix);
    const found: T[] = [];
    let from: Uint8Array = prefix;
    for (;;) {
      const pairs = this.#store.range(from, end);
      for (const [, value] of pairs) found.push(parseStored(type, value));
      const last = pairs.at(-1);
      if (last === undefined) return found;
      // The smallest key above the last one read.
      from = Buffer.concat([last[0], Buffer.alloc(1)]);
    }
  }

  /** The last record under a prefix. */
  last<T>(type: Type<T>, ...parts: Parts): T | undefined {
    const prefix = this.#key(parts);
    const options = { limit: 1, reverse: true };
    const [newest] = this.#store.range(prefix, this.#codec.after(prefix), options);
    return newest === undefined ? undefined : parseStored(type, newest[1]);
  }

  /** The records of a range of numbers under a prefix, in order. */
  numbered<T>(type: Type<T>, { from, to, limit }: RecordRange, ...parts: Parts): T[] {
    if (from > to || limit === 0) return [];
    const [first, end] = [this.#key([...parts, from]), this.#key([...parts, to + 1])];
    return this.#store.range(first, end, { limit }).map(([, value]) => parseStored(type, value));
  }

  /** Keys under a prefix, at most `limit` of them. */
  keys(limit: number, ...parts: Parts): Uint8Array[] {
    const prefix = this.#key(parts);
    return this.#store.range(prefix, this.#codec.after(prefix), { limit }).map(([key]) => key);
  }

  #key(parts: Parts): Uint8Array {
    return this.#codec.key(...this.#prefix, ...parts);
  }
}

/** What we wrote ourselves must parse; when it does not, the disk or a version is wrong, not the peer. */
function parseStored<T>(type: Type<T>, value: Uint8Array): T {
  try {
    return decode(type, value);
  } catch (cause) {
    throw new FastChatError('E_INTERNAL', 'a stored record cannot be read', {
      cause: asFastChatError(cause),
    });
  }
}

/**
 * The client's store over any environment. A value's first part lies under its key, further parts in an area of their own,
 * so the parts of one key never come between other keys. A first part begins with the number of further parts.
 */
import { FastChatError } from '../protocol/errors.ts';
import {
  CLIENT_VALUE_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_RANGE_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../protocol/limits.ts';
import type { ClientKv } from './client-kv.ts';
import type { Environment } from './environment.ts';
import { CLIENT_PART_AREA, CLIENT_VALUE_AREA, partKey } from './physical-keys.ts';
import type { StoreKey, Write } from './shard-store.ts';

const COUNT_BYTES = 2;
const FIRST_PART_BYTES = STORE_VALUE_BYTES_MAX - COUNT_BYTES;

/** The client's store on an open environment. */
export function createClientKv(environment: Environment): ClientKv {
  return {
    get(key) {
      const first = environment.get(CLIENT_VALUE_AREA, key);
      return first === undefined ? undefined : wholeValue(environment, key, first);
    },
    range(from, to, options = {}) {
      const limit = Math.min(options.limit ?? STORE_RANGE_MAX, STORE_RANGE_MAX);
      const keys = { area: CLIENT_VALUE_AREA, from, to };
      return environment
        .range(keys, { limit, reverse: options.reverse ?? false })
        .map(([key, first]) => [key, wholeValue(environment, key, first)] as const);
    },
    transact(writes) {
      try {
        for (const write of writes) checkSize(write);
        for (const { key, value } of writes) writeValue(environment, key, value);
        return environment.flushed(undefined);
      } catch (cause) {
        return Promise.reject(cause);
      }
    },
    close: () => environment.close(),
  };
}

function checkSize({ key, value }: Write): void {
  if (key.length > STORE_KEY_BYTES_MAX || (value?.length ?? 0) > CLIENT_VALUE_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', 'a key or value is too long for the local store');
}

function wholeValue(environment: Environment, key: StoreKey, first: Uint8Array): Uint8Array {
  const count = furtherParts(first);
  const begin = new Uint8Array(
    first.buffer,
    first.byteOffset + COUNT_BYTES,
    first.length - COUNT_BYTES,
  );
  if (count === 0) return begin;
  const parts = [begin];
  for (let part = 1; part <= count; part += 1)
    parts.push(environment.get(CLIENT_PART_AREA, partKey(key, part)) ?? missingPart());
  return new Uint8Array(Buffer.concat(parts));
}

function missingPart(): never {
  throw new FastChatError('E_IO', 'the local store is damaged: a part of a value is missing');
}

function writeValue(environment: Environment, key: StoreKey, value: Uint8Array | undefined): void {
  const old = environment.get(CLIENT_VALUE_AREA, key);
  const oldParts = old === undefined ? 0 : furtherParts(old);
  const rest = value?.subarray(FIRST_PART_BYTES) ?? new Uint8Array(0);
  const parts = Math.ceil(rest.length / STORE_VALUE_BYTES_MAX);
  environment.write(CLIENT_VALUE_AREA, key, value && firstPart(value, parts));
  for (let part = 1; part <= Math.max(parts, oldParts); part += 1) {
    const from = (part - 1) * STORE_VALUE_BYTES_MAX;
    const bytes = part <= parts ? rest.subarray(from, from + STORE_VALUE_BYTES_MAX) : undefined;
    environment.write(CLIENT_PART_AREA, partKey(key, part), bytes);
  }
}

function firstPart(value: Uint8Array, parts: number): Buffer {
  const begin = value.subarray(0, FIRST_PART_BYTES);
  const first = Buffer.allocUnsafe(COUNT_BYTES + begin.length);
  first.writeUInt16BE(parts);
  first.set(begin, COUNT_BYTES);
  return first;
}

function furtherParts(first: Uint8Array): number {
  return Buffer.from(first.buffer, first.byteOffset, first.length).readUInt16BE();
}

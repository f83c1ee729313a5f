/**
 * Long values over a store of short ones: part 0 under `key` + 0, part 1 under `key` + 1 and so on.
 * A chunked key must not be the beginning of any other key of the shard. All parts change in one commit, so a reader
 * never sees a mixture.
 */
import { FastChatError } from '../protocol/errors.ts';
import type { ShardId } from '../protocol/ids.ts';
import { STORE_CHUNKS_MAX, STORE_RANGE_MAX, STORE_VALUE_BYTES_MAX } from '../protocol/limits.ts';
import { after } from './keys.ts';
import type { ShardStore, StoreKey, Write } from './shard-store.ts';

/** The longest value that chunks can hold. */
export const CHUNKED_VALUE_BYTES_MAX = STORE_CHUNKS_MAX * STORE_VALUE_BYTES_MAX;

/** How many parts a value takes; an empty value takes one, a missing one none. */
export function chunkCount(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  return Math.max(1, Math.ceil(value.length / STORE_VALUE_BYTES_MAX));
}

function chunkKey(key: StoreKey, part: number): StoreKey {
  const extended = Buffer.allocUnsafe(key.length + 1);
  extended.set(key);
  extended[key.length] = part;
  return extended;
}

/**
 * The writes that replace a value of `oldParts` parts (`chunkCount` of it) by `value`; undefined removes it.
 * @throws E_TOO_LARGE
 */
export function chunkWrites(
  key: StoreKey,
  value: Uint8Array | undefined,
  oldParts: number,
): Write[] {
  if (value !== undefined && value.length > CHUNKED_VALUE_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', `a value of ${value.length} bytes is too long to store`);
  const parts = chunkCount(value);
  const writes: Write[] = [];
  for (let part = 0; part < parts; part += 1) {
    const from = part * STORE_VALUE_BYTES_MAX;
    writes.push({
      key: chunkKey(key, part),
      value: value?.subarray(from, from + STORE_VALUE_BYTES_MAX),
    });
  }
  for (let part = parts; part < oldParts; part += 1)
    writes.push({ key: chunkKey(key, part), value: undefined });
  return writes;
}

/** The whole value under `key`, undefined when there is none. */
export function readChunks(
  store: ShardStore,
  shard: ShardId,
  key: StoreKey,
): Uint8Array | undefined {
  return joinParts(store.range(shard, key, after(key)).map(([, part]) => part));
}

/** Parts in order to the value they make; undefined for no parts. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array | undefined {
  return parts.length > 1 ? new Uint8Array(Buffer.concat(parts)) : parts[0];
}

/**
 * Whole chunked values from `from` up to `to`, in key order, at least one when there is any.
 * Every key in the range must be chunked. Ends early at STORE_RANGE_MAX parts, so read on after the last key answered.
 */
export function rangeChunks(
  store: ShardStore,
  shard: ShardId,
  bounds: { readonly from: StoreKey; readonly to: StoreKey; readonly limit: number },
): ReadonlyArray<readonly [key: StoreKey, value: Uint8Array]> {
  const pairs = store.range(shard, bounds.from, bounds.to);
  const values: Array<readonly [StoreKey, Uint8Array]> = [];
  let start = 0;
  for (let end = 1; end <= pairs.length && values.length < bounds.limit; end += 1) {
    const next = pairs[end];
    // A part number of 0 begins the next value. The last value is whole only when the range was not cut off.
    const isWhole = next === undefined ? pairs.length < STORE_RANGE_MAX : next[0].at(-1) === 0;
    if (!isWhole) continue;
    const first = pairs[start];
    const value = joinParts(pairs.slice(start, end).map(([, part]) => part));
    if (first !== undefined && value !== undefined) values.push([first[0].subarray(0, -1), value]);
    start = end;
  }
  return values;
}

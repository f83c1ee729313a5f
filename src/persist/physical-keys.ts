/**
 * The physical key layout, all of it.
 *
 * | bytes | meaning                                                    |
 * | ----- | ---------------------------------------------------------- |
 * | 0     | kind of area (AREA_KIND)                                   |
 * | 1-2   | shard, big-endian; 0 where the kind is not kept by shard   |
 * | 3-    | the key within the area                                    |
 *
 * So a shard's data and its journal are each one contiguous range that can be walked, copied and deleted.
 */
import type { ShardId } from '../protocol/ids.ts';
import type { Area } from './environment.ts';

/** Stored on disk: numbers are never reused. */
const AREA_KIND = {
  data: 1,
  journal: 2,
  head: 3,
  promise: 4,
  meta: 5,
  clientValue: 6,
  clientPart: 7,
  logMark: 8,
};

const SHARD_BITS = 16;
const SEQ_BYTES = 6;
const PART_BYTES = 2;

/** Keys as the shard's user gave them. */
export function dataArea(shard: ShardId): Area {
  return (AREA_KIND.data << SHARD_BITS) | shard;
}

/** Journal records by `journalKey`. */
export function journalArea(shard: ShardId): Area {
  return (AREA_KIND.journal << SHARD_BITS) | shard;
}

/** Shard heads by `shardKey`, together, so that opening a store is one range. */
export const HEAD_AREA: Area = AREA_KIND.head << SHARD_BITS;
/** Promised epochs by `shardKey`. */
export const PROMISE_AREA: Area = AREA_KIND.promise << SHARD_BITS;
/** Node-level records by name and part. */
export const META_AREA: Area = AREA_KIND.meta << SHARD_BITS;
/** One record under the empty key: what the store has of its write-ahead log. */
export const LOG_MARK_AREA: Area = AREA_KIND.logMark << SHARD_BITS;
/** The client's values: the first part of each, by the client's key. */
export const CLIENT_VALUE_AREA: Area = AREA_KIND.clientValue << SHARD_BITS;
/** Further parts of the client's values, by the client's key and the part's number. */
export const CLIENT_PART_AREA: Area = AREA_KIND.clientPart << SHARD_BITS;

/** The smallest key. */
export const FIRST_KEY: Uint8Array = new Uint8Array(0);

/** Area and key in one buffer of its own. */
export function physicalKey(area: Area, key: Uint8Array): Buffer {
  const physical = Buffer.allocUnsafe(3 + key.length);
  physical[0] = area >>> 16;
  physical[1] = area >>> 8;
  physical[2] = area;
  physical.set(key, 3);
  return physical;
}

/** The part of a physical key after its area, as a view. */
export function keyWithinArea(physical: Buffer): Buffer {
  return physical.subarray(3);
}

/** The key of a shard in HEAD_AREA and PROMISE_AREA. */
export function shardKey(shard: ShardId): Buffer {
  const key = Buffer.allocUnsafe(2);
  key.writeUInt16BE(shard);
  return key;
}

/** The key of one part of the journal record of commit `seq`. */
export function journalKey(seq: number, part: number): Buffer {
  const key = Buffer.allocUnsafe(SEQ_BYTES + PART_BYTES);
  key.writeUIntBE(seq, 0, SEQ_BYTES);
  key.writeUInt16BE(part, SEQ_BYTES);
  return key;
}

/** The smallest journal key of commit `seq`: the bound of ranges of records. */
export function journalFrom(seq: number): Buffer {
  const key = Buffer.allocUnsafe(SEQ_BYTES);
  key.writeUIntBE(seq, 0, SEQ_BYTES);
  return key;
}

/** The commit that a journal key belongs to. */
export function journalSeq(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readUIntBE(0, SEQ_BYTES);
}

/** `key` followed by the number of a part, for the client's store. */
export function partKey(key: Uint8Array, part: number): Buffer {
  const extended = Buffer.allocUnsafe(key.length + PART_BYTES);
  extended.set(key);
  extended.writeUInt16BE(part, key.length);
  return extended;
}

/**
 * What a commit touched and what was there before, as bytes. Layout, integers big-endian:
 *
 * | epoch | then for each write: key length | key | old length + 1, 0 for none | old value |
 * | u48   |                      u16        |     | u16                        |           |
 */
import type { StoreKey, Write } from './shard-store.ts';

const EPOCH_BYTES = 6;
const LENGTH_BYTES = 2;

export interface JournalRecord {
  readonly epoch: number;
  /** In the order of the commit; `value` is the old one, undefined when the key was new. */
  readonly old: readonly Write[];
}

/** @param oldValues of the same writes in the same order */
export function encodeJournalRecord(
  epoch: number,
  writes: readonly Write[],
  oldValues: ReadonlyArray<Uint8Array | undefined>,
): Buffer {
  let length = EPOCH_BYTES;
  for (const [index, { key }] of writes.entries())
    length += 2 * LENGTH_BYTES + key.length + (oldValues[index]?.length ?? 0);
  const record = Buffer.allocUnsafe(length);
  let offset = record.writeUIntBE(epoch, 0, EPOCH_BYTES);
  for (const [index, { key }] of writes.entries()) {
    offset = record.writeUInt16BE(key.length, offset);
    record.set(key, offset);
    const old = oldValues[index];
    offset = record.writeUInt16BE(old === undefined ? 0 : old.length + 1, offset + key.length);
    if (old === undefined) continue;
    record.set(old, offset);
    offset += old.length;
  }
  return record;
}

/** The epoch alone; the first part of a record is enough. */
export function journalEpoch(part: Uint8Array): number {
  return viewOf(part).readUIntBE(0, EPOCH_BYTES);
}

/** `bytes` is a whole record; keys and values are views of it. */
export function decodeJournalRecord(bytes: Uint8Array): JournalRecord {
  const record = viewOf(bytes);
  const old: Write[] = [];
  let offset = EPOCH_BYTES;
  while (offset < record.length) {
    const keyFrom = offset + LENGTH_BYTES;
    const keyTo = keyFrom + record.readUInt16BE(offset);
    const key: StoreKey = record.subarray(keyFrom, keyTo);
    const valueFrom = keyTo + LENGTH_BYTES;
    const lengthPlusOne = record.readUInt16BE(keyTo);
    offset = valueFrom + Math.max(0, lengthPlusOne - 1);
    old.push({ key, value: lengthPlusOne === 0 ? undefined : record.subarray(valueFrom, offset) });
  }
  return { epoch: journalEpoch(record), old };
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

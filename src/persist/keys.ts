/**
 * Keys whose byte order is the order of their parts, one after the other.
 * Text is UTF-8 with a zero byte at its end, a number is six bytes big-endian, bytes stand as they are.
 * So a key of fewer parts is a prefix of the keys that continue it, and no other text is.
 */
import { invariant } from '../protocol/errors.ts';
import type { StoreKey } from './shard-store.ts';

export type KeyPart = string | number | Uint8Array;

const NUMBER_BYTES = 6;
/** The largest number a key can hold. */
export const KEY_NUMBER_MAX = 2 ** 48 - 1;

/** Builds a key. Text must not contain a zero byte; numbers are whole, 0 to KEY_NUMBER_MAX. */
export function storeKey(...parts: readonly KeyPart[]): StoreKey {
  let length = 0;
  for (const part of parts) length += partBytes(part);
  const key = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const part of parts) offset = writePart(key, part, offset);
  return key;
}

function partBytes(part: KeyPart): number {
  if (typeof part === 'number') return NUMBER_BYTES;
  return typeof part === 'string' ? Buffer.byteLength(part) + 1 : part.length;
}

function writePart(key: Buffer, part: KeyPart, offset: number): number {
  if (typeof part === 'number') {
    invariant(Number.isInteger(part) && part >= 0 && part <= KEY_NUMBER_MAX, 'a key number fits');
    return key.writeUIntBE(part, offset, NUMBER_BYTES);
  }
  if (typeof part === 'string') {
    invariant(!part.includes('\0'), 'key text has no zero byte');
    const end = offset + key.write(part, offset);
    key[end] = 0;
    return end + 1;
  }
  key.set(part, offset);
  return offset + part.length;
}

/** The smallest key above every key that starts with `prefix`: the `to` of a range over all of them. */
export function after(prefix: StoreKey): StoreKey {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  invariant(length > 0, 'a prefix has a byte below 255');
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}

/** The number that ends a key built with a number as its last part. */
export function lastNumber(key: StoreKey): number {
  const view = Buffer.from(key.buffer, key.byteOffset, key.length);
  return view.readUIntBE(key.length - NUMBER_BYTES, NUMBER_BYTES);
}

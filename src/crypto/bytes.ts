/** Bytes of text and numbers, and the one injective way to put several byte strings into one. */
import { invariant } from '../protocol/errors.ts';

/** Short results share memory with others: three times as fast as memory of their own. */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** A whole number up to 2^53 - 1 as 8 bytes, most significant first. */
export function u53Bytes(value: number): Uint8Array {
  invariant(Number.isSafeInteger(value) && value >= 0, 'a counter is a whole number');
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * `tag` and every part, each behind its length as 4 bytes (most significant first): two different lists never give the
 * same bytes, so what is hashed or signed for one purpose cannot be read as another.
 */
export function framed(tag: string, parts: readonly Uint8Array[]): Uint8Array {
  const name = utf8(tag);
  const items = [name, ...parts];
  const joined = new Uint8Array(items.reduce((sum, item) => sum + 4 + item.length, 0));
  const view = new DataView(joined.buffer);
  let offset = 0;
  for (const item of items) {
    view.setUint32(offset, item.length);
    joined.set(item, offset + 4);
    offset += 4 + item.length;
  }
  return joined;
}

/** Hex digits, two a byte; for map keys. */
export function hex(bytes: Uint8Array): string {
  let digits = '';
  for (const byte of bytes) digits += byte.toString(16).padStart(2, '0');
  return digits;
}

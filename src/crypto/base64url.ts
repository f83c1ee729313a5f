/** Base64url without padding, strict: every byte string has exactly one text. */
import { FastChatError } from '../protocol/errors.ts';

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

/** @throws E_BAD_FRAME when `text` is not what `toBase64url` writes. */
export function fromBase64url(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'));
  // Node skips what it does not know; comparing the round trip makes it strict.
  if (toBase64url(bytes) !== text) throw new FastChatError('E_BAD_FRAME', 'expected base64url');
  return bytes;
}

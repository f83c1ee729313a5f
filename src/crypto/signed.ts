/** A signature in front of the very bytes it covers: what is checked is what came in, never something re-encoded. */
import { FastChatError } from '../protocol/errors.ts';
import { concat } from './bytes.ts';
import { SIGNATURE_BYTES } from './sizes.ts';
import type { VerifyingSuite } from './suite.ts';

/** Signature (64 bytes), then `content`. */
export function encodeSigned(
  suite: VerifyingSuite,
  tag: string,
  content: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array {
  return concat(suite.sign(tag, [content], privateKey), content);
}

/** The content, as a view of `signed`. @throws E_SIGNATURE */
export function decodeSigned(
  suite: VerifyingSuite,
  tag: string,
  signed: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array {
  const content = signed.subarray(SIGNATURE_BYTES);
  if (!suite.verify(tag, [content], signed.subarray(0, SIGNATURE_BYTES), publicKey))
    throw new FastChatError('E_SIGNATURE', 'not signed by the expected key for this purpose');
  return content;
}

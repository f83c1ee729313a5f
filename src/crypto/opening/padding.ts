/** Padding to a few lengths, so that the size of a ciphertext tells little about what was said. */
import { FastChatError } from '../../protocol/errors.ts';

const BUCKET_BYTES_MIN = 256;
const DOUBLING_BYTES_MAX = 16 * 1024;
const STEP_BYTES = 8 * 1024;
const MARKER = 0x80;

/** The smallest bucket for `length` bytes: 256 times a power of two up to 16 KiB, then multiples of 8 KiB. */
export function bucketFor(length: number): number {
  if (length > DOUBLING_BYTES_MAX) return Math.ceil(length / STEP_BYTES) * STEP_BYTES;
  let bucket = BUCKET_BYTES_MIN;
  while (bucket < length) bucket *= 2;
  return bucket;
}

/** ISO 7816-4: a marker byte, then zeros up to the bucket. */
export function pad(content: Uint8Array): Uint8Array {
  const padded = new Uint8Array(bucketFor(content.length + 1));
  padded.set(content);
  padded[content.length] = MARKER;
  return padded;
}

/** The content, as a view of `padded`. Only what `pad` gives is accepted. @throws E_BAD_FRAME */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1;
  while (end > 0 && padded[end] === 0) end--;
  if (padded[end] !== MARKER || bucketFor(end + 1) !== padded.length)
    throw new FastChatError('E_BAD_FRAME', 'badly padded');
  return padded.subarray(0, end);
}

/** Payloads that are one msgpack array. */
import { decodeRaw } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';

/** @throws E_BAD_FRAME */
export function itemsOf(payload: Uint8Array): readonly unknown[] {
  const raw = decodeRaw(payload);
  if (!Array.isArray(raw)) throw new FastChatError('E_BAD_FRAME', 'expected an array');
  return raw;
}

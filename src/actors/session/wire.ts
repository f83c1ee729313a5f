/** Frames as a gate sees them: a batch of calls in; answers, refusals and pushes out. */
import { REFUSAL_TAG, REPLY_TAG, clientCalls, push } from '../../protocol/client-calls.ts';
import type { Push } from '../../protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { FRAMES_PER_BATCH_MAX } from '../../protocol/limits.ts';
import { ownCopy } from '../../protocol/own-copy.ts';
import { shareBytes } from '../../protocol/shared-bytes.ts';
import type { ClientItem, Refusal } from './messages.ts';

const CALL_ID_MAX = 0xffff_ffff;

/**
 * Reads a whole frame before anything of it is acted on, so a bad one has no effect at all. The result shares nothing
 * with `frame`.
 * @throws E_BAD_FRAME
 */
export function readBatch(frame: Uint8Array): readonly ClientItem[] {
  // A copy: byte strings are decoded as views, and the link may use its buffer again.
  const items = decodeRaw(ownCopy(frame));
  if (!Array.isArray(items) || items.length > FRAMES_PER_BATCH_MAX)
    throw new FastChatError('E_BAD_FRAME', `a frame holds up to ${FRAMES_PER_BATCH_MAX} calls`);
  return items.map(readItem);
}

function readItem(raw: unknown): ClientItem {
  if (!Array.isArray(raw)) throw new FastChatError('E_BAD_FRAME', 'a call is an array');
  const id: unknown = raw[1];
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > CALL_ID_MAX)
    throw new FastChatError('E_BAD_FRAME', 'a call has an id of 32 bits');
  return { id, request: clientCalls.parseRequest(raw) };
}

/** `fields` is what the call's reply packs to. */
export function encodeReply(id: number, fields: readonly unknown[]): Uint8Array {
  return encodeRaw([REPLY_TAG, id, ...fields]);
}

export function encodeRefusal(id: number, { code, text, retryAfterMs }: Refusal): Uint8Array {
  const item = [REFUSAL_TAG, id, code, text];
  return encodeRaw(retryAfterMs === undefined ? item : [...item, retryAfterMs]);
}

/** One push of a group goes to many sessions: its bytes are made once, and live as long as it does. */
const sharedBytes = new WeakMap<Push, Uint8Array>();

export function encodePush(value: Push): Uint8Array {
  if (value.type !== 'groupEntries' && value.type !== 'groupMarks')
    return encodeRaw(push.pack(value));
  const known = sharedBytes.get(value);
  if (known !== undefined) return known;
  const bytes = encodeRaw(push.pack(value));
  sharedBytes.set(value, bytes);
  shareBytes(bytes);
  return bytes;
}

/** Frames as a client sees them: calls out, answers and pushes in, several in one frame. */
import { REFUSAL_TAG, REPLY_TAG, push } from '../../protocol/client-calls.ts';
import type { Push } from '../../protocol/client-calls.ts';
import { decodeRaw } from '../../protocol/codec.ts';
import { FastChatError, isErrorCode } from '../../protocol/errors.ts';
import {
  CLIENT_FRAME_BYTES_MAX,
  FRAMES_PER_BATCH_MAX,
  REFUSAL_WAIT_MS_MAX,
} from '../../protocol/limits.ts';

export type Incoming =
  /** The reply's fields start at index 2: only the caller knows of which call. */
  | { readonly type: 'reply'; readonly id: number; readonly raw: readonly unknown[] }
  | { readonly type: 'refusal'; readonly id: number; readonly error: FastChatError }
  | { readonly type: 'push'; readonly push: Push };

function badFrame(): FastChatError {
  return new FastChatError('E_BAD_FRAME', 'the node sent a frame that is not of this protocol');
}

function parseRefusal(raw: readonly unknown[]): FastChatError {
  const [, , code, text, retryAfterMs] = raw;
  if (typeof code !== 'string' || typeof text !== 'string') throw badFrame();
  // A newer node may know codes that this client does not.
  return new FastChatError(isErrorCode(code) ? code : 'E_INTERNAL', text, {
    retryAfterMs: waitOf(retryAfterMs),
  });
}

/** What a node says is a matter of its mood: timers take neither NaN nor a century. */
function waitOf(raw: unknown): number | undefined {
  if (typeof raw !== 'number' || !(raw >= 0)) return undefined;
  return Math.min(raw, REFUSAL_WAIT_MS_MAX);
}

function parseItem(raw: unknown): Incoming {
  if (!Array.isArray(raw)) throw badFrame();
  const items: readonly unknown[] = raw;
  const [tag, id] = items;
  if (tag !== REPLY_TAG && tag !== REFUSAL_TAG) return { type: 'push', push: push.parse(items) };
  if (typeof id !== 'number') throw badFrame();
  return tag === REPLY_TAG
    ? { type: 'reply', id, raw: items }
    : { type: 'refusal', id, error: parseRefusal(items) };
}

/** @throws E_BAD_FRAME */
export function decodeFrame(frame: Uint8Array): readonly Incoming[] {
  if (frame.length > CLIENT_FRAME_BYTES_MAX) throw badFrame();
  // A copy: what is decoded are views, and the link may use its buffer again.
  const items = decodeRaw(Uint8Array.from(frame));
  if (!Array.isArray(items)) throw badFrame();
  return items.map(parseItem);
}

/** A msgpack array of items that are encoded already; at most FRAMES_PER_BATCH_MAX of them. */
function joinItems(items: readonly Uint8Array[]): Uint8Array {
  const header =
    items.length < 16
      ? Uint8Array.of(0x90 | items.length)
      : Uint8Array.of(0xdc, items.length >> 8, items.length & 0xff);
  const frame = new Uint8Array(items.reduce((sum, item) => sum + item.length, header.length));
  frame.set(header);
  let offset = header.length;
  for (const item of items) {
    frame.set(item, offset);
    offset += item.length;
  }
  return frame;
}

const ARRAY_HEADER_BYTES_MAX = 3;

/** Encoded items as few frames: none is larger than a node takes, unless one item alone is. */
export function packFrames(items: readonly Uint8Array[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let batch: Uint8Array[] = [];
  let bytes = ARRAY_HEADER_BYTES_MAX;
  for (const item of items) {
    const isFull =
      batch.length === FRAMES_PER_BATCH_MAX || bytes + item.length > CLIENT_FRAME_BYTES_MAX;
    if (isFull && batch.length > 0) {
      frames.push(joinItems(batch));
      batch = [];
      bytes = ARRAY_HEADER_BYTES_MAX;
    }
    batch.push(item);
    bytes += item.length;
  }
  if (batch.length > 0) frames.push(joinItems(batch));
  return frames;
}

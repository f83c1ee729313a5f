/** Encoded items as frames: a msgpack array of items, without encoding any of them twice. */
import { CLIENT_FRAME_BYTES_MAX, FRAMES_PER_BATCH_MAX } from './limits.ts';
import { madeOnce } from './shared-bytes.ts';

const ARRAY_HEADER_BYTES_MAX = 3;

/** As few frames as hold all items in order; none is larger than CLIENT_FRAME_BYTES_MAX, unless one item alone is. */
export function packFrames(items: readonly Uint8Array[]): readonly Uint8Array[] {
  const [only] = items;
  if (only !== undefined && items.length === 1) return [madeOnce(only, frameOfOne)];
  const frames: Uint8Array[] = [];
  let first = 0;
  let bytes = ARRAY_HEADER_BYTES_MAX;
  for (const [index, item] of items.entries()) {
    const isFull =
      index - first === FRAMES_PER_BATCH_MAX || bytes + item.length > CLIENT_FRAME_BYTES_MAX;
    if (isFull && index > first) {
      frames.push(joinItems(items.slice(first, index), bytes));
      first = index;
      bytes = ARRAY_HEADER_BYTES_MAX;
    }
    bytes += item.length;
  }
  if (items.length > first) frames.push(joinItems(items.slice(first), bytes));
  return frames;
}

function frameOfOne(item: Uint8Array): Uint8Array {
  return joinItems([item], ARRAY_HEADER_BYTES_MAX + item.length);
}

/** `bytesMax` is at least what the frame takes; it is cut to what was written, so nothing that the memory held goes out. */
function joinItems(items: readonly Uint8Array[], bytesMax: number): Uint8Array {
  const frame = Buffer.allocUnsafe(bytesMax);
  let offset = writeHeader(frame, items.length);
  for (const item of items) {
    frame.set(item, offset);
    offset += item.length;
  }
  return frame.subarray(0, offset);
}

/** The head of a msgpack array; answers its length. */
function writeHeader(frame: Uint8Array, count: number): number {
  if (count < 16) {
    frame[0] = 0x90 | count;
    return 1;
  }
  frame[0] = 0xdc;
  frame[1] = count >> 8;
  frame[2] = count & 0xff;
  return 3;
}

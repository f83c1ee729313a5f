/**
 * Frames in a byte stream: four bytes of length, big-endian, then that many bytes; never zero, never above a maximum.
 * Nothing here knows of sockets.
 */
import { madeOnce } from '../protocol/shared-bytes.ts';

export const FRAME_HEAD_BYTES = 4;
/** The first piece of memory for a frame that comes in parts; it grows with what really arrives. */
const PART_BYTES_MIN = 4096;

export type FramingFault = 'empty frame' | 'frame too long';

/** Frames as they go over the wire, each behind its length. */
export function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  const [only] = frames;
  if (only !== undefined && frames.length === 1) return madeOnce(only, streamOfOne);
  return join(frames);
}

function streamOfOne(frame: Uint8Array): Uint8Array {
  return join([frame]);
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  let length = frames.length * FRAME_HEAD_BYTES;
  for (const frame of frames) length += frame.length;
  const bytes = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const frame of frames) {
    offset = bytes.writeUInt32BE(frame.length, offset);
    bytes.set(frame, offset);
    offset += frame.length;
  }
  return bytes;
}

/** A frame that did not come in one chunk. Memory follows the bytes received, not the length claimed. */
class Partial {
  readonly #length: number;
  #bytes: Uint8Array;
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
    this.#bytes = new Uint8Array(Math.min(length, PART_BYTES_MIN));
  }

  /** Takes what belongs to the frame; answers how many bytes that were. */
  take(chunk: Uint8Array): number {
    const part = chunk.subarray(0, this.#length - this.#filled);
    this.#grow(this.#filled + part.length);
    this.#bytes.set(part, this.#filled);
    this.#filled += part.length;
    return part.length;
  }

  /** The frame, once it is whole. */
  get frame(): Uint8Array | undefined {
    return this.#filled === this.#length ? this.#bytes : undefined;
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, 2 * this.#bytes.length)));
    grown.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = grown;
  }
}

/** Cuts a stream into frames, however it is chunked. A frame inside one chunk is a view of it. */
export class FrameSplitter {
  readonly #onFrame: (frame: Uint8Array) => void;
  #maxBytes: number;
  #head = 0;
  #headBytes = 0;
  #partial: Partial | undefined;
  #isStopped = false;

  constructor(maxBytes: number, onFrame: (frame: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** Applies from the next frame on, also within the chunk at hand. */
  raiseMax(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** No more frames, not even from the chunk at hand. */
  stop(): void {
    this.#isStopped = true;
    this.#partial = undefined;
  }

  /** Hands over the frames that `chunk` completes. A fault ends the stream: nothing after it can be read. */
  push(chunk: Uint8Array): FramingFault | undefined {
    let rest = chunk;
    while (rest.length > 0 && !this.#isStopped) {
      if (this.#partial !== undefined) rest = this.#continue(this.#partial, rest);
      else if (this.#headBytes < FRAME_HEAD_BYTES) rest = this.#readHead(rest);
      if (this.#headBytes < FRAME_HEAD_BYTES || this.#partial !== undefined) continue;
      const fault = this.#checkHead();
      if (fault !== undefined) {
        this.stop();
        return fault;
      }
      rest = this.#begin(rest);
    }
    return undefined;
  }

  #readHead(chunk: Uint8Array): Uint8Array {
    const missing = FRAME_HEAD_BYTES - this.#headBytes;
    const part = chunk.subarray(0, missing);
    for (const byte of part) this.#head = this.#head * 0x100 + byte;
    this.#headBytes += part.length;
    return chunk.subarray(part.length);
  }

  #checkHead(): FramingFault | undefined {
    if (this.#head === 0) return 'empty frame';
    return this.#head > this.#maxBytes ? 'frame too long' : undefined;
  }

  /** The head is whole: a frame that is all in `chunk` goes out as a view, any other begins to be collected. */
  #begin(chunk: Uint8Array): Uint8Array {
    const length = this.#head;
    if (chunk.length < length) {
      this.#partial = new Partial(length);
      return this.#continue(this.#partial, chunk);
    }
    this.#emit(chunk.subarray(0, length));
    return chunk.subarray(length);
  }

  #continue(partial: Partial, chunk: Uint8Array): Uint8Array {
    const taken = partial.take(chunk);
    const frame = partial.frame;
    if (frame !== undefined) this.#emit(frame);
    return chunk.subarray(taken);
  }

  #emit(frame: Uint8Array): void {
    this.#partial = undefined;
    this.#head = 0;
    this.#headBytes = 0;
    this.#onFrame(frame);
  }
}

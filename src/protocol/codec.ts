/** msgpack with bounds: bytes to plain values and back. Values are checked by a schema afterwards. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { FastChatError } from './errors.ts';
import { ARRAY_ITEMS_MAX, MESH_FRAME_BYTES_MAX, NESTING_MAX } from './limits.ts';
import { nestsWithin } from './nesting.ts';
import type { Type } from './schema.ts';

const encoder = new Encoder({ maxDepth: NESTING_MAX, initialBufferSize: 4096 });
const decoder = new Decoder({
  maxStrLength: MESH_FRAME_BYTES_MAX,
  maxBinLength: MESH_FRAME_BYTES_MAX,
  maxArrayLength: ARRAY_ITEMS_MAX,
  maxMapLength: 0,
  maxExtLength: 0,
});

/** What is encoded shares memory with its neighbours up to this size: allocating some for each costs more than encoding. */
const SHARED_BYTES_MAX = 2048;
const SLAB_BYTES = 16_384;
let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

function ownCopy(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > SHARED_BYTES_MAX) return bytes.slice();
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const copy = slab.subarray(slabUsed, slabUsed + length);
  copy.set(bytes);
  slabUsed += length;
  return copy;
}

/** Encodes a plain value (numbers, text, byte strings, arrays, nil). No later call changes the result. */
export function encodeRaw(value: unknown): Uint8Array {
  return ownCopy(encoder.encodeSharedRef(value));
}

/** Decodes one msgpack value that fills `bytes` exactly. @throws E_BAD_FRAME */
export function decodeRaw(bytes: Uint8Array): unknown {
  if (!nestsWithin(bytes, NESTING_MAX)) throw new FastChatError('E_BAD_FRAME', 'nested too deeply');
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FastChatError('E_BAD_FRAME', 'not a msgpack value within bounds', { cause });
  }
}

export function encode<T>(type: Type<T>, value: T): Uint8Array {
  return encodeRaw(type.pack(value));
}

/** @throws E_BAD_FRAME */
export function decode<T>(type: Type<T>, bytes: Uint8Array): T {
  return type.parse(decodeRaw(bytes));
}

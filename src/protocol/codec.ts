/** msgpack with bounds: bytes to plain values and back. Values are checked by a schema afterwards. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import { FastChatError } from './errors.ts';
import { ARRAY_ITEMS_MAX, MESH_FRAME_BYTES_MAX, NESTING_MAX } from './limits.ts';
import { nestsWithin } from './nesting.ts';
import { ownCopy } from './own-copy.ts';
import type { Type } from './schema.ts';

const encoder = new Encoder({ maxDepth: NESTING_MAX, initialBufferSize: 4096 });
const decoder = new Decoder({
  maxStrLength: MESH_FRAME_BYTES_MAX,
  maxBinLength: MESH_FRAME_BYTES_MAX,
  maxArrayLength: ARRAY_ITEMS_MAX,
  maxMapLength: 0,
  maxExtLength: 0,
});

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

/** Copies what an actor keeps of what it was sent. */
import { decode, encode } from '../../protocol/codec.ts';
import type { Type } from '../../protocol/schema.ts';

/** A value with byte strings of its own: what came in a frame must not keep that frame in memory. */
export function ownCopy<T>(type: Type<T>, value: T): T {
  return decode(type, encode(type, value));
}

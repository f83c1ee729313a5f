import { expect } from 'chai';
import fc from 'fast-check';
import { decodeRaw, encodeRaw } from '../../../src/protocol/codec.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import {
  ARRAY_ITEMS_MAX,
  CLIENT_FRAME_BYTES_MAX,
  NESTING_MAX,
} from '../../../src/protocol/limits.ts';
import { nestsWithin } from '../../../src/protocol/nesting.ts';

/** `value` inside so many arrays. */
function wrapped(value: unknown, depth: number): unknown {
  let outer = value;
  for (let level = 0; level < depth; level += 1) outer = [outer];
  return outer;
}

function depthOf(value: unknown): number {
  return Array.isArray(value) ? 1 + Math.max(0, ...value.map(depthOf)) : 0;
}

/** Values of every kind that frames hold, in arrays of every head. */
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(null, true, false, 1.5, 2 ** 33, -(2 ** 33)),
      fc.integer(),
      fc.string({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.nat(), { minLength: 15, maxLength: 20 }),
  ),
})).value;

describe('nesting of a frame', () => {
  it('is what the value has, whatever is in it', () => {
    fc.assert(
      fc.property(value, fc.nat(8), (inner, depth) => {
        const outer = wrapped(inner, depth);
        const deepest = depthOf(outer);
        fc.pre(deepest > 0 && deepest < NESTING_MAX);
        const bytes = encodeRaw(outer);
        expect(nestsWithin(bytes, deepest)).to.equal(true);
        expect(nestsWithin(bytes, deepest - 1)).to.equal(false);
      }),
    );
  });

  it('is bounded: at NESTING_MAX a frame is taken, one deeper it is E_BAD_FRAME', () => {
    const nested = (depth: number): Uint8Array =>
      Uint8Array.from([...Array<number>(depth).fill(0x91), 0]);
    expect(depthOf(decodeRaw(nested(NESTING_MAX)))).to.equal(NESTING_MAX);
    expect(() => decodeRaw(nested(NESTING_MAX + 1)))
      .to.throw(FastChatError)
      .with.property('code', 'E_BAD_FRAME');
  });

  it('costs no memory: heads inside heads, each of which announces the longest array', () => {
    const count = Math.floor(CLIENT_FRAME_BYTES_MAX / 3);
    const bomb = new Uint8Array(3 * count);
    for (let index = 0; index < count; index += 1)
      bomb.set([0xdc, ARRAY_ITEMS_MAX >> 8, ARRAY_ITEMS_MAX & 0xff], 3 * index);
    const before = process.memoryUsage().heapUsed;
    expect(() => decodeRaw(bomb)).to.throw(FastChatError);
    expect(process.memoryUsage().heapUsed - before).to.be.lessThan(16 * 1024 * 1024);
  });

  it('of garbage is left to the decoder, which refuses it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(nestsWithin(bytes, NESTING_MAX)).to.be.a('boolean');
        try {
          decodeRaw(bytes);
        } catch (cause) {
          expect(cause).to.be.instanceOf(FastChatError);
        }
      }),
    );
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { decodeRaw, encodeRaw } from '../../../src/protocol/codec.ts';
import { packFrames } from '../../../src/protocol/frames.ts';
import { CLIENT_FRAME_BYTES_MAX, FRAMES_PER_BATCH_MAX } from '../../../src/protocol/limits.ts';

function items(count: number, bytes: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, index) => encodeRaw([index, new Uint8Array(bytes)]));
}

function read(frames: readonly Uint8Array[]): readonly unknown[] {
  return frames.flatMap((frame) => decodeRaw(frame) as readonly unknown[]);
}

describe('frames', () => {
  it('hold all items in order, whatever their sizes, within the bounds', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: CLIENT_FRAME_BYTES_MAX / 2 }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(sizes, (some) => {
        const packed = some.map((size, index) => encodeRaw([index, new Uint8Array(size)]));
        const frames = packFrames(packed);
        for (const frame of frames) expect(frame.length).to.be.at.most(CLIENT_FRAME_BYTES_MAX);
        expect(read(frames).map((item) => (item as readonly unknown[])[0])).to.deep.equal(
          some.map((_, index) => index),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('have headers for few, for many, and for the most items', () => {
    for (const count of [1, 15, 16, 256, FRAMES_PER_BATCH_MAX]) {
      const frames = packFrames(items(count, 1));
      expect(frames).to.have.length(1);
      expect(read(frames)).to.have.length(count);
    }
    expect(packFrames(items(FRAMES_PER_BATCH_MAX + 1, 1))).to.have.length(2);
  });

  it('are none for nothing, and one for an item that is too large by itself', () => {
    expect(packFrames([])).to.deep.equal([]);
    expect(packFrames(items(1, CLIENT_FRAME_BYTES_MAX))).to.have.length(1);
  });
});

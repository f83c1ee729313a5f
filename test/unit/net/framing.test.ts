import { expect } from 'chai';
import fc from 'fast-check';
import { FRAME_HEAD_BYTES, FrameSplitter, streamOf } from '../../../src/net/framing.ts';
import { frameHead } from '../../support/frame-head.ts';

const MAX = 1000;

function framed(...frames: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(streamOf(frames));
}

/** Splits `stream` into the given chunk sizes, the last chunk taking the rest. */
function chunked(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const size of sizes) {
    chunks.push(stream.subarray(offset, offset + size));
    offset += size;
  }
  return [...chunks, stream.subarray(offset)];
}

function collect(maxBytes = MAX): { frames: Uint8Array[]; splitter: FrameSplitter } {
  const frames: Uint8Array[] = [];
  return { frames, splitter: new FrameSplitter(maxBytes, (frame) => frames.push(frame)) };
}

describe('FrameSplitter', () => {
  it('finds frames that come byte by byte', () => {
    const { frames, splitter } = collect();
    const stream = framed(Uint8Array.of(1), Uint8Array.of(2, 3, 4), new Uint8Array(300).fill(9));
    for (const byte of stream) expect(splitter.push(Uint8Array.of(byte))).to.equal(undefined);
    expect(frames.map(({ length }) => length)).to.deep.equal([1, 3, 300]);
    expect(frames[1]).to.deep.equal(Uint8Array.of(2, 3, 4));
  });

  it('hands over frames inside one chunk as views of it', () => {
    const { frames, splitter } = collect();
    const stream = framed(Uint8Array.of(1, 2), Uint8Array.of(3));
    splitter.push(stream);
    expect(frames).to.deep.equal([Uint8Array.of(1, 2), Uint8Array.of(3)]);
    expect(frames.every((frame) => frame.buffer === stream.buffer)).to.equal(true);
  });

  it('finds the same frames however the stream is cut', () => {
    const frame = fc.uint8Array({ minLength: 1, maxLength: MAX });
    const sizes = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), sizes, (sent, cuts) => {
        const { frames, splitter } = collect();
        for (const chunk of chunked(framed(...sent), cuts)) splitter.push(chunk);
        expect(frames).to.deep.equal(sent);
      }),
    );
  });

  it('takes a frame of the largest size and refuses one byte more', () => {
    expect(collect().splitter.push(framed(new Uint8Array(MAX)))).to.equal(undefined);
    expect(collect().splitter.push(framed(new Uint8Array(MAX + 1)))).to.equal('frame too long');
  });

  it('refuses a length above the maximum as soon as it is known', () => {
    const { frames, splitter } = collect();
    const head = frameHead(0xffff_ffff);
    expect(splitter.push(head.subarray(0, FRAME_HEAD_BYTES - 1))).to.equal(undefined);
    expect(splitter.push(head.subarray(FRAME_HEAD_BYTES - 1))).to.equal('frame too long');
    expect(frames).to.deep.equal([]);
  });

  it('refuses an empty frame', () => {
    expect(collect().splitter.push(frameHead(0))).to.equal('empty frame');
  });

  it('finds nothing more after a fault', () => {
    const { frames, splitter } = collect();
    splitter.push(
      Buffer.concat([framed(Uint8Array.of(1)), frameHead(0), framed(Uint8Array.of(2))]),
    );
    splitter.push(framed(Uint8Array.of(3)));
    expect(frames).to.deep.equal([Uint8Array.of(1)]);
  });

  it('finds nothing more once it was stopped from within a frame', () => {
    const frames: Uint8Array[] = [];
    const splitter = new FrameSplitter(MAX, (frame) => {
      frames.push(frame);
      splitter.stop();
    });
    splitter.push(framed(Uint8Array.of(1), Uint8Array.of(2)));
    expect(frames.length).to.equal(1);
  });

  it('applies a raised maximum from the next frame on, within one chunk', () => {
    const frames: Uint8Array[] = [];
    const splitter = new FrameSplitter(10, (frame) => {
      frames.push(frame);
      splitter.raiseMax(MAX);
    });
    expect(splitter.push(framed(Uint8Array.of(1), new Uint8Array(MAX)))).to.equal(undefined);
    expect(frames.map(({ length }) => length)).to.deep.equal([1, MAX]);
  });

  it('keeps memory in proportion to what arrived, not to what was announced', () => {
    const announced = 64 * 1024 * 1024;
    const splitters = Array.from({ length: 200 }, () => collect(announced).splitter);
    const before = process.memoryUsage().arrayBuffers;
    for (const splitter of splitters)
      splitter.push(Buffer.concat([frameHead(announced), Buffer.alloc(10)]));
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(16 * 1024 * 1024);
  });

  it('never throws and never hands over an illegal frame, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (chunks) => {
        const { frames, splitter } = collect();
        for (const chunk of chunks) splitter.push(chunk);
        expect(frames.every(({ length }) => length > 0 && length <= MAX)).to.equal(true);
      }),
    );
  });
});

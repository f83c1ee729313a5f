import { expect } from 'chai';
import fc from 'fast-check';
import { bucketFor, pad, unpad } from '../../../src/crypto/opening/padding.ts';
import { codeOf, throwsCode } from './expect-code.ts';

describe('padding', () => {
  it('fills the smallest bucket', () => {
    const expected: Array<[number, number]> = [
      [0, 256],
      [256, 256],
      [257, 512],
      [8193, 16_384],
      [16_384, 16_384],
      [16_385, 24_576],
      [24_577, 32_768],
    ];
    for (const [length, bucket] of expected) expect(bucketFor(length)).to.equal(bucket);
  });

  it('gives back what was padded, zeros and markers at its end included', () => {
    const tail = fc.array(fc.constantFrom(0, 0x80), { maxLength: 4 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), tail, (head, end) => {
        const content = Uint8Array.of(...head, ...end);
        expect(unpad(pad(content))).to.deep.equal(content);
      }),
    );
  });

  it('attack 45: has one padding for every content', () => {
    const padded = pad(Uint8Array.of(1, 2));
    for (const wrong of [
      new Uint8Array(),
      new Uint8Array(256),
      padded.subarray(0, 255),
      Uint8Array.of(...padded, ...new Uint8Array(256)),
    ])
      throwsCode(() => unpad(wrong), 'E_BAD_FRAME');
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        (bytes) =>
          expect(codeOf(() => unpad(bytes))).to.be.oneOf([undefined, 'E_BAD_FRAME']) !== undefined,
      ),
    );
  });
});

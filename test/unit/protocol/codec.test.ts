/** Encoding: results share memory, and must not show it. */
import { expect } from 'chai';
import fc from 'fast-check';
import { decodeRaw, encodeRaw } from '../../../src/protocol/codec.ts';

describe('codec', () => {
  it('changes no earlier result, whatever is encoded later', () => {
    const values = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(values, (bodies) => {
        const encoded = bodies.map((body) => encodeRaw(['a', body]));
        expect(encoded.map(decodeRaw)).to.deep.equal(bodies.map((body) => ['a', body]));
      }),
    );
  });
});

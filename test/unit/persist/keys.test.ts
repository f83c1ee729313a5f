import { expect } from 'chai';
import fc from 'fast-check';
import { KEY_NUMBER_MAX, after, lastNumber, storeKey } from '../../../src/persist/keys.ts';

const number = fc.integer({ min: 0, max: KEY_NUMBER_MAX });
const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));

describe('storeKey', () => {
  it('lays out text, numbers and bytes', () => {
    const key = storeKey('@bob', 258, Uint8Array.of(9));
    expect(Buffer.from(key).toString('hex')).to.equal('40626f620000000000010209');
  });

  it('orders keys as their parts are ordered', () => {
    const parts = fc.tuple(word, number);
    fc.assert(
      fc.property(parts, parts, ([textA, numberA], [textB, numberB]) => {
        const byText = Buffer.compare(Buffer.from(textA), Buffer.from(textB));
        const expected = byText !== 0 ? byText : Math.sign(numberA - numberB);
        expect(Buffer.compare(storeKey(textA, numberA), storeKey(textB, numberB))).to.equal(
          expected,
        );
      }),
    );
  });

  it('refuses what it cannot order', () => {
    for (const part of ['a\0b', -1, 1.5, KEY_NUMBER_MAX + 1, Number.NaN])
      expect(() => storeKey(part))
        .to.throw()
        .with.property('code', 'E_INTERNAL');
  });

  it('lastNumber reads back the number at the end', () => {
    fc.assert(
      fc.property(word, number, (text, value) => lastNumber(storeKey(text, value)) === value),
    );
  });
});

describe('after', () => {
  it('is above every key with the prefix and below every greater key without it', () => {
    const bytes = fc.uint8Array({ maxLength: 6 });
    const prefixes = fc
      .uint8Array({ minLength: 1, maxLength: 4 })
      .filter((prefix) => prefix.some((b) => b < 255));
    fc.assert(
      fc.property(prefixes, bytes, bytes, (prefix, rest, other) => {
        const end = after(prefix);
        expect(Buffer.compare(storeKey(prefix, rest), end)).to.equal(-1);
        const hasPrefix = Buffer.from(other.subarray(0, prefix.length)).equals(prefix);
        if (!hasPrefix && Buffer.compare(other, prefix) > 0)
          expect(Buffer.compare(other, end)).to.not.equal(-1);
      }),
    );
  });
});

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { fromBase64url, toBase64url } from '../../../src/crypto/base64url.ts';
import { framed } from '../../../src/crypto/bytes.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import { codeOf } from './expect-code.ts';

describe('tags and framing', () => {
  it('every tag is used for one purpose and documented', () => {
    const tags = Object.values(TAGS);
    expect(new Set(tags).size).to.equal(tags.length);
    const page = readFileSync(new URL('../../../docs/CRYPTO.md', import.meta.url), 'utf8');
    for (const tag of tags) expect(page).to.include(`\`${tag}\``);
  });

  it('two different lists never give the same bytes', () => {
    const lists = fc.tuple(
      fc.string(),
      fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 4 }),
    );
    fc.assert(
      fc.property(lists, lists, ([tag, parts], [otherTag, otherParts]) => {
        const same = Buffer.compare(framed(tag, parts), framed(otherTag, otherParts)) === 0;
        const key = JSON.stringify([tag, parts.map((part) => [...part])]);
        const otherKey = JSON.stringify([otherTag, otherParts.map((part) => [...part])]);
        expect(same).to.equal(key === otherKey);
      }),
    );
  });

  it('base64url text and bytes belong to each other one to one', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBase64url(toBase64url(bytes))).to.deep.equal(bytes);
      }),
    );
    for (const text of ['A', 'AB', 'AA=', 'AA ', 'A+/A', 'ä'])
      expect(
        codeOf(() => fromBase64url(text)),
        text,
      ).to.equal('E_BAD_FRAME');
  });
});

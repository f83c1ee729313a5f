import { expect } from 'chai';
import fc from 'fast-check';
import { body } from '../../../src/protocol/bodies.ts';
import type { Body } from '../../../src/protocol/bodies.ts';
import { decode, decodeRaw, encode, encodeRaw } from '../../../src/protocol/codec.ts';
import { parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import { SYNC_COALESCE_MESSAGES } from '../../../src/protocol/limits.ts';
import { codeOf, throwsCode } from './expect-code.ts';

const words = fc.string({ unit: 'grapheme', maxLength: 40 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const counter = fc.maxSafeNat();

const content = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text: words }),
  fc.record({
    type: fc.constant('file' as const),
    name: words,
    mime: words,
    size: counter,
    key,
    hash: key,
    caption: words,
  }),
  fc.record({
    type: fc.constant('read' as const),
    upTo: fc.array(fc.record({ device: fc.constant(1 as never), counter }), { maxLength: 5 }),
  }),
);
const item = fc.record({
  conversation: fc.constant(parseUserId('bob')),
  id: fc.constant(parseMessageId('m1')),
  counter: fc.option(counter, { nil: undefined }),
  timestamp: counter,
  body: content,
});
const anyBody: fc.Arbitrary<Body> = fc.oneof(
  content,
  fc.record({ type: fc.constant('sync' as const), items: fc.array(item, { maxLength: 5 }) }),
);

describe('bodies', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(anyBody, (value) => {
        expect(decode(body, encode(body, value))).to.deep.equal(value);
      }),
    );
  });

  it('attack 45: damaged ones are still well formed, or E_BAD_FRAME', () => {
    fc.assert(
      fc.property(anyBody, fc.nat(), fc.nat(255), (value, place, byte) => {
        const bytes = encode(body, value);
        bytes[place % bytes.length] = byte;
        expect(codeOf(() => decode(body, bytes))).to.be.oneOf([undefined, 'E_BAD_FRAME']);
      }),
      { numRuns: 1000 },
    );
  });

  it('attack 45: a sync inside a sync and a 65th item are E_BAD_FRAME', () => {
    const packed = decodeRaw(encode(body, { type: 'sync', items: [] }));
    const nested = [4, [['@bob', 'm1', null, 0, packed]]];
    throwsCode(() => decode(body, encodeRaw(nested)), 'E_BAD_FRAME');
    const items = Array.from({ length: SYNC_COALESCE_MESSAGES + 1 }, () => [
      '@bob',
      'm1',
      null,
      0,
      [1, 'hello'],
    ]);
    throwsCode(() => decode(body, encodeRaw([4, items])), 'E_BAD_FRAME');
    expect(codeOf(() => decode(body, encodeRaw([4, items.slice(1)])))).to.equal(undefined);
  });
});

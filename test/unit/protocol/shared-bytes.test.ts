import { expect } from 'chai';
import { encodePush } from '../../../src/actors/session/wire.ts';
import { streamOf } from '../../../src/net/framing.ts';
import type { Push } from '../../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../../src/protocol/codec.ts';
import { packFrames } from '../../../src/protocol/frames.ts';
import { parseGroupId, parseIncarnation, parseUserId } from '../../../src/protocol/ids.ts';
import { madeOnce, shareBytes } from '../../../src/protocol/shared-bytes.ts';

const group = parseGroupId('#team');
const incarnation = parseIncarnation('1'.repeat(32));

function entriesPush(seq: number): Push {
  const entry = { type: 'operation', seq, at: 1, signed: new Uint8Array(65) } as const;
  return { type: 'groupEntries', group, incarnation, entries: [entry] };
}

const streamOfItems = (items: readonly Uint8Array[]): Uint8Array => streamOf(packFrames(items));

describe('shared bytes', () => {
  it('are made into something once, and so is what is made of that', () => {
    const bytes = Uint8Array.of(1, 2);
    const double = (from: Uint8Array): Uint8Array => Uint8Array.of(...from, ...from);
    expect(madeOnce(bytes, double)).to.not.equal(madeOnce(bytes, double));
    shareBytes(bytes);
    const first = madeOnce(bytes, double);
    expect(first).to.deep.equal(Uint8Array.of(1, 2, 1, 2));
    expect(madeOnce(bytes, double)).to.equal(first);
    expect(madeOnce(first, double)).to.equal(madeOnce(first, double));
  });

  it('a push of a group has one stream for all links that send nothing else with it', () => {
    const push = entriesPush(7);
    const stream = streamOfItems([encodePush(push)]);
    expect(streamOfItems([encodePush(push)])).to.equal(stream);
    const other = entriesPush(8);
    expect(streamOfItems([encodePush(other)])).to.not.deep.equal(stream);
  });

  it('is the stream that a link would make by itself', () => {
    const push = entriesPush(7);
    const own = Uint8Array.from(encodePush(push));
    expect(streamOfItems([encodePush(push)])).to.deep.equal(streamOfItems([own]));
  });

  it('rides with other items without harm to either', () => {
    const push = entriesPush(7);
    const reply = encodeRaw([0, 5, 1]);
    const item = encodePush(push);
    const alone = Uint8Array.from(streamOfItems([item]));
    const both = streamOfItems([reply, item]);
    const copies = [Uint8Array.from(reply), Uint8Array.from(item)];
    expect(both).to.deep.equal(streamOfItems(copies));
    expect(streamOfItems([item])).to.deep.equal(alone);
  });

  it('what belongs to one user is not shared', () => {
    const head: Push = { type: 'head', log: parseUserId('@ann'), head: 3 };
    const item = encodePush(head);
    expect(streamOfItems([item])).to.not.equal(streamOfItems([item]));
  });
});

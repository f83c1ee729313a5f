/** When what a session says leaves. */
import { expect } from 'chai';
import { LinkWriter } from '../../../../src/actors/session/link-writer.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { decodeRaw, encodeRaw } from '../../../../src/protocol/codec.ts';
import { SESSION_HOLD_MS } from '../../../../src/protocol/limits.ts';

describe('session: writing to the link', () => {
  let clock: VirtualClock;
  let writes: unknown[];
  let isRoomy: boolean;
  let congested: number;
  let writer: LinkWriter;

  beforeEach(() => {
    clock = new VirtualClock();
    writes = [];
    isRoomy = true;
    congested = 0;
    const link = {
      send: (...frames: readonly Uint8Array[]): boolean => {
        writes.push(frames.map(decodeRaw));
        return isRoomy;
      },
      close: () => void writes.push('close'),
    };
    writer = new LinkWriter(link, clock, () => {
      congested += 1;
    });
  });

  it('sends everything of one turn in one frame, in order', async () => {
    for (const item of ['a', 'b', 'c']) writer.add(encodeRaw(item));
    expect(writes).to.deep.equal([]);
    await clock.advance(0);
    expect(writes).to.deep.equal([[['a', 'b', 'c']]]);
  });

  it('lets what nobody waits for ride with the next item', async () => {
    writer.addLater(encodeRaw('held'));
    await clock.advance(SESSION_HOLD_MS - 1);
    expect(writes).to.deep.equal([]);
    writer.add(encodeRaw('next'));
    await clock.advance(0);
    expect(writes).to.deep.equal([[['held', 'next']]]);
    await clock.advance(SESSION_HOLD_MS);
    expect(writes).to.have.lengthOf(1);
  });

  it('holds nothing back for longer than SESSION_HOLD_MS', async () => {
    writer.addLater(encodeRaw('first'));
    await clock.advance(SESSION_HOLD_MS / 2);
    writer.addLater(encodeRaw('second'));
    await clock.advance(SESSION_HOLD_MS / 2);
    expect(writes).to.deep.equal([[['first', 'second']]]);
  });

  it('sends what is held before it closes, and nothing afterwards', async () => {
    writer.addLater(encodeRaw('held'));
    writer.close('bye');
    writer.add(encodeRaw('late'));
    writer.addLater(encodeRaw('later'));
    await clock.advance(SESSION_HOLD_MS);
    expect(writes).to.deep.equal([[['held']], 'close']);
  });

  it('tells once for each write that the link is full', async () => {
    isRoomy = false;
    writer.add(encodeRaw('a'));
    writer.add(encodeRaw('b'));
    await clock.advance(0);
    expect(congested).to.equal(1);
  });
});

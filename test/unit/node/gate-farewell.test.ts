import { expect } from 'chai';
import { Farewell } from '../../../src/node/gate-farewell.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { DRAIN_MOVE_WAIT_MS, DRAIN_SESSIONS_MOVING_MAX } from '../../../src/protocol/limits.ts';

describe('sending sessions away', () => {
  const items = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

  /** Begins to send `count` items away; each goes `moveMs` later, or never. */
  function begin(count: number, perSecond: number, moveMs: number) {
    const clock = new VirtualClock({ seed: 1 });
    const sent: number[] = [];
    let most = 0;
    const staying = new Set<number>();
    const farewell: Farewell<number> = new Farewell(items(count), {
      clock,
      perSecond,
      sendAway: (item) => {
        sent.push(item);
        staying.add(item);
        most = Math.max(most, staying.size);
        if (moveMs === Infinity) return;
        clock.after(moveMs, () => {
          staying.delete(item);
          farewell.gone(item);
        });
      },
    });
    return { clock, sent, farewell, most: () => most };
  }

  it('keeps the rate when sessions go at once', async () => {
    const { clock, sent } = begin(1000, 300, 5);
    await clock.advance(50);
    expect(sent).to.have.length(30);
    await clock.advance(1000);
    expect(sent.length).to.be.within(300, 330);
    await clock.advance(3000);
    expect(sent).to.deep.equal(items(1000));
  });

  it('keeps a rate below ten a second, too', async () => {
    const { clock, sent } = begin(100, 2, 5);
    await clock.advance(5050);
    expect(sent.length).to.be.within(9, 11);
  });

  it('waits for those it has sent away when the other nodes are slow', async () => {
    const { clock, sent, most } = begin(1000, 500, 2000);
    await clock.advance(1900);
    expect(sent).to.have.length(DRAIN_SESSIONS_MOVING_MAX);
    await clock.advance(10_000);
    expect(most()).to.equal(DRAIN_SESSIONS_MOVING_MAX);
    expect(sent.length).to.be.within(5 * DRAIN_SESSIONS_MOVING_MAX, 6 * DRAIN_SESSIONS_MOVING_MAX);
  });

  it('is not held up for ever by sessions that do not go', async () => {
    const { clock, sent } = begin(3 * DRAIN_SESSIONS_MOVING_MAX, 500, Infinity);
    await clock.advance(2 * DRAIN_MOVE_WAIT_MS + 500);
    expect(sent).to.have.length(3 * DRAIN_SESSIONS_MOVING_MAX);
  });

  it('sends nobody away once it has ended', async () => {
    const { clock, sent, farewell } = begin(1000, 100, 5);
    farewell.end();
    await clock.advance(2000);
    expect(sent).to.have.length(10);
  });
});

import { expect } from 'chai';
import { CoarseTimers } from '../../../src/ops/coarse-timers.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { COARSE_TIMER_SLOT_MS } from '../../../src/protocol/limits.ts';
import fc from 'fast-check';

/** Lets all waits end and notes when each did, by its index. */
function endings(delays: readonly number[], startMs = 0): Map<number, number> {
  const clock = new VirtualClock();
  const timers = new CoarseTimers(clock);
  const ended = new Map<number, number>();
  clock.run(startMs);
  for (const [index, delayMs] of delays.entries())
    timers.after(delayMs, () => ended.set(index, clock.mono() - startMs));
  clock.run(startMs + Math.max(0, ...delays) + 2 * COARSE_TIMER_SLOT_MS);
  return ended;
}

describe('CoarseTimers', () => {
  it('end every wait once, never early and at most a slot late', () => {
    const delays = fc.array(fc.double({ min: 0, max: 5000, noNaN: true }), { maxLength: 20 });
    const start = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(delays, start, (delaysMs, startMs) => {
        const ended = endings(delaysMs, startMs);
        for (const [index, delayMs] of delaysMs.entries()) {
          const atMs = ended.get(index) ?? Infinity;
          // Sums of fractions are off by a rounding error.
          expect(atMs).within(delayMs - 1e-6, delayMs + COARSE_TIMER_SLOT_MS + 1e-6);
        }
      }),
    );
  });

  it('look only when a slot with waits ends, and sooner when something sooner comes', () => {
    const clock = new VirtualClock();
    const timers = new CoarseTimers(clock);
    const ran: string[] = [];
    timers.after(60_000, () => ran.push('late'));
    timers.after(10, () => ran.push('early'));
    let looks = 0;
    while (clock.step(120_000)) looks += 1;
    expect(ran).eql(['early', 'late']);
    expect(looks).equal(2);
  });

  it('keep no timer of the clock when nothing waits', () => {
    const clock = new VirtualClock();
    const timers = new CoarseTimers(clock);
    timers.after(10, () => undefined);
    clock.run(2 * COARSE_TIMER_SLOT_MS);
    expect(clock.pending).equal(0);
  });

  it('do not run what was cancelled, not even by a task of the same slot', () => {
    const clock = new VirtualClock();
    const timers = new CoarseTimers(clock);
    const ran: string[] = [];
    const early = timers.after(5, () => ran.push('early'));
    timers.after(10, () => {
      ran.push('first');
      second.cancel();
    });
    const second = timers.after(20, () => ran.push('second'));
    early.cancel();
    clock.run(1000);
    expect(ran).eql(['first']);
  });

  it('take a task that waits again from within a task', () => {
    const clock = new VirtualClock();
    const timers = new CoarseTimers(clock);
    const ran: number[] = [];
    timers.after(0, () => timers.after(0, () => ran.push(clock.mono())));
    clock.run(1000);
    expect(ran).eql([2 * COARSE_TIMER_SLOT_MS]);
  });
});

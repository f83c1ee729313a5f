import { expect } from 'chai';
import fc from 'fast-check';
import { every } from '../../../src/ops/clock.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';

describe('VirtualClock', () => {
  it('runs events in the order of their times, moving time to each', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1000 })), (delays) => {
        const clock = new VirtualClock();
        const ran: number[] = [];
        for (const delayMs of delays)
          clock.after(delayMs, () => {
            expect(clock.mono()).to.equal(delayMs);
            ran.push(delayMs);
          });
        clock.run(1000);
        expect(ran).to.deep.equal(delays.toSorted((left, right) => left - right));
      }),
    );
  });

  it('orders events of one instant by its seed', () => {
    const order = (seed: number): string => {
      const clock = new VirtualClock({ seed });
      const ran: number[] = [];
      for (let number = 0; number < 10; number++) clock.after(5, () => ran.push(number));
      clock.run(5);
      return ran.join(' ');
    };
    expect(order(1)).to.equal(order(1));
    expect(new Set([1, 2, 3, 4].map(order)).size).to.equal(4);
  });

  it('moves both of its times together', () => {
    const clock = new VirtualClock({ startMs: 1_000_000 });
    clock.run(250);
    expect([clock.now(), clock.mono()]).to.deep.equal([1_000_250, 250]);
  });

  it('runs soon in a later step of the same instant', () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.after(5, () => {
      clock.soon(() => ran.push(`soon at ${clock.mono()}`));
      ran.push('first');
    });
    expect(clock.step()).to.equal(true);
    expect(ran).to.deep.equal(['first']);
    expect(clock.step()).to.equal(true);
    expect(ran).to.deep.equal(['first', 'soon at 5']);
    expect(clock.step()).to.equal(false);
  });

  it('runs no cancelled event', () => {
    const clock = new VirtualClock();
    let ran = 0;
    const timer = clock.after(5, () => (ran += 1));
    timer.cancel();
    timer.cancel();
    expect(clock.pending).to.equal(0);
    clock.run(10);
    expect(ran).to.equal(0);
  });

  it('lets promises settle between events', async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => void clock.after(ms, resolve));
    const walk = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn++) {
        await wait(10);
        ran.push(`${clock.mono()}`);
      }
    };
    void walk();
    clock.after(15, () => ran.push('between'));
    await clock.advance(30);
    expect(ran).to.deep.equal(['10', 'between', '20', '30']);
  });

  it('runs until nothing is left, or until the limit when timers repeat', async () => {
    const clock = new VirtualClock();
    clock.after(70, () => undefined);
    await clock.runUntilIdle();
    expect(clock.mono()).to.equal(70);
    let ticks = 0;
    every(clock, 10, () => (ticks += 1));
    await clock.runUntilIdle(100);
    expect(ticks).to.equal(10);
  });
});

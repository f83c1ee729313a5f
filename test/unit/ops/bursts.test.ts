import { expect } from 'chai';
import { Bursts } from '../../../src/ops/bursts.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';

const WINDOW_MS = 4;

/** Gives a task at each of these times; when each of them ran. */
function runTimes(givenAtMs: readonly number[]): readonly number[] {
  const clock = new VirtualClock();
  const bursts = new Bursts(clock, WINDOW_MS);
  const ranAtMs: number[] = [];
  for (const atMs of givenAtMs)
    clock.after(atMs, () => bursts.run(() => ranAtMs.push(clock.mono())));
  clock.run(1000);
  return ranAtMs;
}

describe('Bursts', () => {
  it('let what comes alone go at once', () => {
    expect(runTimes([0, 10, 20])).eql([0, 10, 20]);
  });

  it('let what comes within a window go together, at its end', () => {
    expect(runTimes([0, 1, 2, 3])).eql([0, 4, 4, 4]);
  });

  it('go on in windows while more comes', () => {
    expect(runTimes([0, 1, 5, 6, 9, 20])).eql([0, 4, 8, 8, 12, 20]);
  });

  it('keep the order, also of what is given by a task', () => {
    const clock = new VirtualClock();
    const bursts = new Bursts(clock, WINDOW_MS);
    const ran: string[] = [];
    bursts.run(() => ran.push('first'));
    bursts.run(() => {
      ran.push('second');
      bursts.run(() => ran.push('fourth'));
    });
    bursts.run(() => ran.push('third'));
    clock.run(1000);
    expect(ran).eql(['first', 'second', 'third', 'fourth']);
  });
});

/** Waiting for promises whose work happens in virtual time. */
import type { VirtualClock } from '../../../../src/ops/virtual-clock.ts';

/** Lets virtual time pass until `work` has settled, at most `limitMs`. */
export async function runOn<T>(
  clock: VirtualClock,
  work: Promise<T>,
  limitMs = 60_000,
): Promise<T> {
  const progress = { isSettled: false };
  const note = (): void => {
    progress.isSettled = true;
  };
  work.then(note, note);
  const untilMs = clock.mono() + limitMs;
  while (!progress.isSettled && clock.mono() < untilMs) await clock.advance(1);
  if (!progress.isSettled) throw new Error(`not settled after ${limitMs} ms of virtual time`);
  return work;
}

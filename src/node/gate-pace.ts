/** Does something to many, so many per second, so that nobody downstream meets them all at once. */
import type { Clock } from '../ops/clock.ts';

export interface Pace {
  readonly clock: Clock;
  readonly perSecond: number;
}

/** Ten slices a second: smooth enough, and few timers. */
const SLICE_MS = 100;

/** Calls `act` for each item in order; resolves after the last one. The first slice runs at once. */
export function paced<T>(
  items: readonly T[],
  { clock, perSecond }: Pace,
  act: (item: T) => void,
): Promise<void> {
  const sliceItems = Math.max(1, Math.floor((perSecond * SLICE_MS) / 1000));
  return new Promise((resolve) => {
    function slice(from: number): void {
      for (const item of items.slice(from, from + sliceItems)) act(item);
      if (from + sliceItems >= items.length) resolve();
      else clock.after(SLICE_MS, () => slice(from + sliceItems));
    }
    slice(0);
  });
}

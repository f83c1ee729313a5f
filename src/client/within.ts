/** Waiting that ends in time. */
import type { Clock } from '../ops/clock.ts';

/** Resolves when `work` has ended, however, or `ms` milliseconds are over. */
export function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    const settle = (): void => {
      timer.cancel();
      resolve();
    };
    work.then(settle, settle);
  });
}

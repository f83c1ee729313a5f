/** Waiting for something to become true of a tenure. */
import type { Clock } from '../../ops/clock.ts';
import type { Tenure } from './tenure.ts';

/** Resolves to true as soon as `isDone`, or the tenure has ended; to false after `timeoutMs`. Never rejects. */
export function until(
  clock: Clock,
  tenure: Tenure,
  timeoutMs: number,
  isDone: () => boolean,
): Promise<boolean> {
  const isOver = (): boolean => tenure.hasEnded || isDone();
  if (isOver()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (isReached: boolean): void => {
      watching.cancel();
      timer.cancel();
      resolve(isReached);
    };
    const timer = clock.after(timeoutMs, () => end(false));
    const watching = tenure.watch(() => {
      if (isOver()) end(true);
    });
  });
}

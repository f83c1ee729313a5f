/** What a failed disk is to everybody who waits for it, and how one is noticed that does not even say so. */
import type { Clock, Timer } from '../ops/clock.ts';
import { FastChatError } from '../protocol/errors.ts';
import { COMMIT_WATCHDOG_LOOKS, COMMIT_WATCHDOG_MS } from '../protocol/limits.ts';

/** E_IO: `cause` itself when it says so already, and with it what happened. */
export function diskFailure(cause: unknown): FastChatError {
  return cause instanceof FastChatError && cause.code === 'E_IO'
    ? cause
    : new FastChatError('E_IO', 'the store failed', { cause });
}

/**
 * Calls `late` with E_IO unless it is cancelled in time: some failures of lmdb settle no promise. Looks several times, so
 * that time in which the whole process stood still counts as one look, not as a slow disk.
 */
export function watchDisk(clock: Clock, late: (error: FastChatError) => void): Timer {
  let timer: Timer;
  const look = (looks: number): void => {
    timer = clock.after(COMMIT_WATCHDOG_MS / COMMIT_WATCHDOG_LOOKS, () => {
      if (looks > 1) look(looks - 1);
      else late(new FastChatError('E_IO', `the disk took over ${COMMIT_WATCHDOG_MS} ms`));
    });
  };
  look(COMMIT_WATCHDOG_LOOKS);
  return { cancel: () => timer.cancel() };
}

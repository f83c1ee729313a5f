/** Asks again while the answer is that it may be given later: an owner that died is replaced within seconds. */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { asFastChatError } from '../protocol/errors.ts';
import { REQUEST_TIMEOUT_MS } from '../protocol/limits.ts';
import { retryDelayMs } from './connection/backoff.ts';
import { isPassing } from './outbox/refusals.ts';

export interface InsistPorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** `work` may be done any number of times. @throws what it rejects with at last, REQUEST_TIMEOUT_MS after the first time */
export async function insist<T>(
  { clock, random }: InsistPorts,
  work: () => Promise<T>,
): Promise<T> {
  const endMs = clock.mono() + REQUEST_TIMEOUT_MS;
  for (let attempt = 0; ; attempt += 1)
    try {
      return await work();
    } catch (cause) {
      const error = asFastChatError(cause);
      const delayMs = Math.max(1, error.retryAfterMs ?? 0, retryDelayMs(attempt, random));
      if (!isPassing(error) || clock.mono() + delayMs > endMs) throw cause;
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    }
}

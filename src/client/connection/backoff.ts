/** How long to wait before the next attempt: exponential with full jitter, so that a crowd does not come back at once. */
import type { Random } from '../../ops/random.ts';
import { RECONNECT_DELAY_MAX_MS, RECONNECT_DELAY_MIN_MS } from '../../protocol/limits.ts';

/** A delay between 0 and the smaller of RECONNECT_DELAY_MIN_MS · 2^attempt and RECONNECT_DELAY_MAX_MS. `attempt` counts from 0. */
export function retryDelayMs(attempt: number, random: Random): number {
  const ceilingMs = Math.min(RECONNECT_DELAY_MAX_MS, RECONNECT_DELAY_MIN_MS * 2 ** attempt);
  return Math.round(random.fraction() * ceilingMs);
}

/** The items in an order drawn anew, so that clients spread over the gates (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last--) {
    const pick = Math.floor(random.fraction() * (last + 1));
    const [a, b] = [mixed[last], mixed[pick]];
    if (a === undefined || b === undefined) continue;
    mixed[last] = b;
    mixed[pick] = a;
  }
  return mixed;
}

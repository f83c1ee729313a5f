/** How often one source may try to log in or to register. */
import type { Clock } from '../ops/clock.ts';
import { KeyedBuckets, perMinute } from '../ops/token-bucket.ts';
import { SOURCES_REMEMBERED_MAX } from '../protocol/limits.ts';
import type { Limits } from '../protocol/limits.ts';

/** One per gate; bounded in the number of sources. */
export class SourceBudgets {
  readonly #clock: Clock;
  readonly #logins: KeyedBuckets;
  readonly #registrations: KeyedBuckets;

  constructor(limits: Limits, clock: Clock) {
    this.#clock = clock;
    this.#logins = new KeyedBuckets(
      perMinute(limits.loginsPerMinutePerSource),
      SOURCES_REMEMBERED_MAX,
    );
    this.#registrations = new KeyedBuckets(
      perMinute(limits.registrationsPerMinutePerSource),
      SOURCES_REMEMBERED_MAX,
    );
  }

  /** Draws one attempt: 0, or how many milliseconds `source` has to wait. */
  admit(source: string, attempt: 'login' | 'registration'): number {
    const buckets = attempt === 'login' ? this.#logins : this.#registrations;
    return buckets.take(source, this.#clock.mono());
  }
}

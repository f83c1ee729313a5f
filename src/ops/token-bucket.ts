/**
 * Rate limits as arithmetic (the generic cell rate algorithm): a bucket is one number, the moment at which it would be
 * full again. So a bucket costs no object, needs no timer, and a pure step can keep one in its state.
 */

/** `burst` at once, then `perSecond` evenly. Both above 0. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** When the bucket is full again, in the caller's milliseconds. */
export type Bucket = number;

/** A bucket that nobody has drawn from. */
export const FULL_BUCKET: Bucket = 0;

/** A rate for limits that are stated per minute: the minute's allowance may be used at once. */
export function perMinute(count: number): Rate {
  return { perSecond: count / 60, burst: count };
}

/** How long until `count` tokens are there, in whole milliseconds; 0: now. More than `burst` never are. */
export function waitForToken(bucket: Bucket, rate: Rate, nowMs: number, count = 1): number {
  const tokenMs = 1000 / rate.perSecond;
  const earlyMs = fullAt(bucket, rate, nowMs) - nowMs - (rate.burst - count) * tokenMs;
  // Sums of fractions are inexact: within half a token of the limit is at the limit.
  return earlyMs <= tokenMs / 2 ? 0 : Math.ceil(earlyMs);
}

/** The bucket with `count` tokens less, for callers whom `waitForToken` answered 0; a negative count gives some back. */
export function takeToken(bucket: Bucket, rate: Rate, nowMs: number, count = 1): Bucket {
  return fullAt(bucket, rate, nowMs) + (count * 1000) / rate.perSecond;
}

/** A clock that jumped back leaves an empty bucket at worst, not one that stays shut for the length of the jump. */
function fullAt(bucket: Bucket, rate: Rate, nowMs: number): number {
  return Math.min(Math.max(bucket, nowMs), nowMs + (rate.burst * 1000) / rate.perSecond);
}

/** One bucket per key, for at most `keysMax` keys: past it the key drawn from longest ago is forgotten (its bucket is the fullest). */
export class KeyedBuckets {
  readonly #rate: Rate;
  readonly #keysMax: number;
  /** In order of use: a Map keeps insertion order, and every use re-inserts. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, keysMax: number) {
    this.#rate = rate;
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of `key`: 0, or how many milliseconds until there is one (and none is taken). */
  take(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key) ?? FULL_BUCKET;
    const waitMs = waitForToken(bucket, this.#rate, nowMs);
    if (waitMs > 0) return waitMs;
    this.#buckets.delete(key);
    if (this.#buckets.size >= this.#keysMax) this.#forgetOldest();
    this.#buckets.set(key, takeToken(bucket, this.#rate, nowMs));
    return 0;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}

/** What a load generator counts. */
import { Histogram } from '../histogram.ts';

export interface Snapshot {
  readonly stored: number;
  readonly delivered: number;
  /** Pushes that told of a gap. */
  readonly heads: number;
  /** Logins finished. */
  readonly logins: number;
  readonly resumed: number;
  readonly refusals: Readonly<Record<string, number>>;
  /** Counts of histograms: send to stored, send to push, whole login. */
  readonly storedMs: readonly number[];
  readonly pushedMs: readonly number[];
  readonly loginMs: readonly number[];
}

export class Tally {
  readonly stored = new Histogram();
  readonly pushed = new Histogram();
  readonly login = new Histogram();
  storedCount = 0;
  deliveredCount = 0;
  heads = 0;
  logins = 0;
  resumed = 0;
  #refusals: Record<string, number> = {};

  refuse(code: string): void {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }

  /** Everything since the last time. */
  take(): Snapshot {
    const snapshot = {
      stored: this.storedCount,
      delivered: this.deliveredCount,
      heads: this.heads,
      logins: this.logins,
      resumed: this.resumed,
      refusals: this.#refusals,
      storedMs: this.stored.take(),
      pushedMs: this.pushed.take(),
      loginMs: this.login.take(),
    };
    this.storedCount = this.deliveredCount = this.heads = this.logins = this.resumed = 0;
    this.#refusals = {};
    return snapshot;
  }
}

/** Latencies in buckets that grow by 2 %: cheap to record, small to send between processes, exact enough to compare. */

const FIRST_BUCKET_MS = 0.01;
const LOG_GROWTH = Math.log(1.02);
const BUCKETS = 900;

export class Histogram {
  readonly #counts: number[];

  constructor(counts: readonly number[] = []) {
    this.#counts = Array.from({ length: BUCKETS }, (_, index) => counts[index] ?? 0);
  }

  record(valueMs: number): void {
    const index = Math.floor(
      Math.log(Math.max(valueMs, FIRST_BUCKET_MS) / FIRST_BUCKET_MS) / LOG_GROWTH,
    );
    const bucket = Math.min(index, BUCKETS - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  add(counts: readonly number[]): void {
    for (const [index, count] of counts.entries())
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
  }

  /** The counts so far, for `add`; begins anew. */
  take(): readonly number[] {
    const counts = [...this.#counts];
    this.#counts.fill(0);
    return counts;
  }

  /** Milliseconds; `share` is 0.99 for p99. 0 when nothing was recorded. */
  quantile(share: number): number {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= share * total)
        return FIRST_BUCKET_MS * Math.exp((index + 1) * LOG_GROWTH);
    }
    return 0;
  }
}

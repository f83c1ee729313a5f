/** Counters, gauges and histograms that cost a hot path one addition: prom-client reads them when it is scraped. */
import { METRIC_LABEL_VALUES_MAX } from '../protocol/limits.ts';

const MS_PER_SECOND = 1000;

/** Bounds of whatever takes time, in seconds. */
export const SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Only grows. */
export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  inc(by = 1): void {
    this.#value += by;
  }

  /** Takes over a total that is counted elsewhere; a smaller one is ignored. */
  raiseTo(total: number): void {
    this.#value = Math.max(this.#value, total);
  }
}

/** Goes up and down; or reads its value from `source` when it is scraped. */
export class Gauge {
  #value = 0;
  #source: (() => number) | undefined;

  get value(): number {
    return this.#source === undefined ? this.#value : this.#source();
  }

  set(value: number): void {
    this.#value = value;
  }

  inc(by = 1): void {
    this.#value += by;
  }

  /** From now on the value is what `source` says at the moment of the scrape. */
  follow(source: () => number): void {
    this.#source = source;
  }
}

/** Counts observations by upper bound, as Prometheus wants them. */
export class Histogram {
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** `bounds` in rising order, in the metric's unit; everything above the last goes to `+Inf`. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Observations at or below each bound. */
  get cumulative(): readonly number[] {
    let running = 0;
    return this.#counts.map((count) => (running += count));
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    const index = this.bounds.findIndex((bound) => value <= bound);
    if (index >= 0) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** For a metric in seconds. */
  observeMs(ms: number): void {
    this.observe(ms / MS_PER_SECOND);
  }

  /** Takes over what is counted elsewhere, by the same bounds. */
  copy(source: Histogram): void {
    for (const [index, count] of source.#counts.entries()) this.#counts[index] = count;
    this.#sum = source.#sum;
    this.#count = source.#count;
  }
}

/** One child per value of a label that is not known beforehand, such as a node's name. */
export class Labelled<T> {
  readonly #make: () => T;
  readonly #children = new Map<string, T>();

  constructor(make: () => T) {
    this.#make = make;
  }

  get children(): ReadonlyMap<string, T> {
    return this.#children;
  }

  /** The child of `value`; past METRIC_LABEL_VALUES_MAX values new ones share the child `other`. Keep it, do not look it up per event. */
  of(value: string): T {
    const known = this.#children.get(value);
    if (known !== undefined) return known;
    if (this.#children.size >= METRIC_LABEL_VALUES_MAX && value !== 'other')
      return this.of('other');
    const child = this.#make();
    this.#children.set(value, child);
    return child;
  }
}

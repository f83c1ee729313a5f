/** Watches how busy and how late the event loop is: what the balancer, the metrics and load shedding look at. */
import { performance } from 'node:perf_hooks';
import { LOOP_SAMPLE_INTERVAL_MS } from '../protocol/limits.ts';
import type { Clock, Timer } from './clock.ts';

/** Total milliseconds the loop has been idle and active so far. */
export interface LoopTimes {
  readonly idle: number;
  readonly active: number;
}

/** The real event loop. */
export function eventLoopTimes(): LoopTimes {
  return performance.eventLoopUtilization();
}

export class LoopSampler {
  readonly #clock: Clock;
  readonly #times: () => LoopTimes;
  #last: LoopTimes;
  #timer: Timer | undefined;
  #lagMs = 0;
  #utilisation = 0;

  constructor(clock: Clock, times: () => LoopTimes = eventLoopTimes) {
    this.#clock = clock;
    this.#times = times;
    this.#last = times();
  }

  /** How late the last sample ran, in milliseconds. */
  get lagMs(): number {
    return this.#lagMs;
  }

  /** Share of the last sample in which the loop was busy, 0 to 1. */
  get utilisation(): number {
    return this.#utilisation;
  }

  /** Samples every LOOP_SAMPLE_INTERVAL_MS until `stop`; `onSample` runs after each. */
  start(onSample: () => void = () => undefined): void {
    const dueMs = this.#clock.mono() + LOOP_SAMPLE_INTERVAL_MS;
    this.#timer = this.#clock.after(LOOP_SAMPLE_INTERVAL_MS, () => {
      this.#sample(dueMs);
      this.start(onSample);
      onSample();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #sample(dueMs: number): void {
    this.#lagMs = Math.max(0, this.#clock.mono() - dueMs);
    const times = this.#times();
    const active = times.active - this.#last.active;
    const total = active + times.idle - this.#last.idle;
    this.#utilisation = total > 0 ? Math.min(1, Math.max(0, active / total)) : 0;
    this.#last = times;
  }
}

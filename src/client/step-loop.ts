/** Runs steps one after the other while there is something to do; after a failure again, later and later. */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { retryDelayMs } from './connection/backoff.ts';

export interface StepLoopPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** False: there is nothing to do. */
  readonly step: () => Promise<boolean>;
  /** The loop has come to rest, by a failure or for want of work. True: something came meanwhile. */
  readonly onRest: () => boolean;
  readonly onFailure: (cause: unknown) => void;
}

export class StepLoop {
  readonly #ports: StepLoopPorts;
  #isBusy = false;
  #failures = 0;

  constructor(ports: StepLoopPorts) {
    this.#ports = ports;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    void this.#work();
  }

  /** What failed before is no reason to wait any longer. */
  reset(): void {
    this.#failures = 0;
  }

  async #work(): Promise<void> {
    const { step, onRest, onFailure } = this.#ports;
    let isFailed = false;
    try {
      while (await step()) this.#failures = 0;
    } catch (cause) {
      isFailed = true;
      onFailure(cause);
    }
    this.#isBusy = false;
    const hasMore = onRest();
    if (isFailed) this.#retryLater();
    else if (hasMore) this.wake();
  }

  #retryLater(): void {
    const delayMs = Math.max(1, retryDelayMs(this.#failures, this.#ports.random));
    this.#failures += 1;
    this.#ports.clock.after(delayMs, () => this.wake());
  }
}

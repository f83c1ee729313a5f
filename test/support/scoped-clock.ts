/** A clock that dies with its process: what a crashed node or client had scheduled never runs. */
import type { Clock, Timer } from '../../src/ops/clock.ts';

export class ScopedClock implements Clock {
  readonly #clock: Clock;
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  mono(): number {
    return this.#clock.mono();
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#clock.after(delayMs, () => {
      if (!this.#isDead) task();
    });
  }

  soon(task: () => void): void {
    this.#clock.soon(() => {
      if (!this.#isDead) task();
    });
  }

  die(): void {
    this.#isDead = true;
  }
}

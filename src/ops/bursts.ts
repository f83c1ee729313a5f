/**
 * Lets work that comes in a burst go together. What comes alone goes at once; what comes while the last of it is not
 * longer ago than a window waits for the end of that window. So a commit or a flush that all of it needs is made once.
 */
import type { Timers } from './clock.ts';

export class Bursts {
  readonly #clock: Timers;
  readonly #windowMs: number;
  #isOpen = false;
  #waiting: Array<() => void> = [];

  constructor(clock: Timers, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Runs `task` now or within the window, in order. */
  run(task: () => void): void {
    if (this.#isOpen) {
      this.#waiting.push(task);
      return;
    }
    this.#begin();
    task();
  }

  #begin(): void {
    this.#isOpen = true;
    this.#clock.after(this.#windowMs, () => this.#end());
  }

  #end(): void {
    this.#isOpen = false;
    if (this.#waiting.length === 0) return;
    const tasks = this.#waiting;
    this.#waiting = [];
    this.#begin();
    for (const task of tasks) task();
  }
}

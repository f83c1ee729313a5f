/** The timers of one life of an actor, so that they end with it. */
import type { Clock, Timer } from '../../ops/clock.ts';

export class TimerSet {
  readonly #clock: Clock;
  /** Undefined while there is none: most actors in memory wait for nothing. */
  #timers: Set<Timer> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `task` once; 0: in a later turn of the event loop, so that others get theirs (such a task is not cancelled). */
  after(delayMs: number, task: () => void): void {
    if (delayMs === 0) {
      this.#clock.soon(task);
      return;
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#timers?.delete(timer);
      task();
    });
    this.#timers ??= new Set();
    this.#timers.add(timer);
  }

  cancelAll(): void {
    for (const timer of this.#timers ?? []) timer.cancel();
    this.#timers = undefined;
  }
}

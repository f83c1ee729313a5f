/** The clock of one life of a process: it dies with it, stands still while the process is stopped, and may show a wrong time. */
import type { Clock, Timer } from '../../src/ops/clock.ts';

export class ScopedClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: number;
  #overdue: Array<() => void> = [];
  #isStopped = false;
  #isDead = false;

  /** `skewMs`: how far the machine's date is off. */
  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  /** Goes on while the process is stopped, as the machine's does. */
  mono(): number {
    return this.#clock.mono();
  }

  after(delayMs: number, task: () => void): Timer {
    let isCancelled = false;
    const unlessCancelled = (): void => {
      if (!isCancelled) task();
    };
    const timer = this.#clock.after(delayMs, () => this.#run(unlessCancelled));
    return {
      cancel() {
        // What is overdue may still be cancelled by what runs before it.
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  soon(task: () => void): void {
    this.#clock.soon(() => this.#run(task));
  }

  /** SIGSTOP: whatever becomes due waits. */
  stop(): void {
    this.#isStopped = true;
  }

  /** SIGCONT: what is overdue runs now, in order. */
  go(): void {
    this.#isStopped = false;
    for (const task of this.#overdue.splice(0)) this.#clock.soon(() => this.#run(task));
  }

  /** What was scheduled never runs. */
  die(): void {
    this.#isDead = true;
    this.#overdue = [];
  }

  #run(task: () => void): void {
    if (this.#isDead) return;
    if (this.#isStopped) this.#overdue.push(task);
    else task();
  }
}

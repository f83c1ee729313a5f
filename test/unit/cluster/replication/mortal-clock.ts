/** The clock of one life of a node: it dies with it, and stands still while the process is stopped. */
import type { Clock, Timer } from '../../../../src/ops/clock.ts';

export class MortalClock implements Clock {
  readonly #clock: Clock;
  #overdue: Array<() => void> = [];
  #isStopped = false;
  #isDead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
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

/** Says the first of many small things at once and those that follow together: after a while, or when there are many. */
import type { Clock, Timer } from '../ops/clock.ts';

export interface CoalescerOptions {
  readonly clock: Clock;
  readonly delayMs: number;
  /** So many are said at once. */
  readonly countMax: number;
  /** Whether saying them now is of any use. */
  readonly isReady: () => boolean;
  readonly say: () => void;
}

export class Coalescer {
  readonly #options: CoalescerOptions;
  #count = 0;
  #timer: Timer | undefined;

  constructor(options: CoalescerOptions) {
    this.#options = options;
  }

  /** `count` more wait to be said. */
  add(count = 1): void {
    this.#count += count;
    if (this.#timer === undefined || this.#count >= this.#options.countMax) this.flush();
  }

  /** One more waits, and nobody is in a hurry for it. */
  addLater(): void {
    this.#count += 1;
    if (this.#count >= this.#options.countMax) return this.flush();
    this.#timer ??= this.#options.clock.after(this.#options.delayMs, () => this.#rest());
  }

  /** Says what waits, unless it is of no use now: then it waits for another `flush`. */
  flush(): void {
    if (this.#count === 0 || !this.#options.isReady()) return;
    this.#count = 0;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#options.delayMs, () => this.#rest());
    this.#options.say();
  }

  /** What came meanwhile is said now; after a quiet time the next thing is said at once again. */
  #rest(): void {
    this.#timer = undefined;
    this.flush();
  }
}

/** Collects small things to be said and says them together: after a while, or at once when there are many. */
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
    if (this.#count >= this.#options.countMax) return this.flush();
    this.#timer ??= this.#options.clock.after(this.#options.delayMs, () => this.flush());
  }

  /** Says what waits, unless it is of no use now: then it waits for another `flush`. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#count === 0 || !this.#options.isReady()) return;
    this.#count = 0;
    this.#options.say();
  }
}

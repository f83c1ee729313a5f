/** Sends sessions away so many per second, and not many more than others can take, so that nobody has to wait for long. */
import type { Clock, Timer } from '../ops/clock.ts';
import { every } from '../ops/clock.ts';
import { DRAIN_MOVE_WAIT_MS, DRAIN_SESSIONS_MOVING_MAX } from '../protocol/limits.ts';

export interface FarewellPorts<T> {
  readonly clock: Clock;
  readonly perSecond: number;
  readonly sendAway: (item: T) => void;
}

/** Ten slices a second: smooth enough, and few timers. */
const SLICE_MS = 100;
const SECOND_MS = 1000;

export class Farewell<T> {
  readonly #ports: FarewellPorts<T>;
  readonly #waiting: T[];
  /** Sent away and still here, and since when: whoever does not go holds up the others for a while only. */
  readonly #moving = new Map<T, number>();
  readonly #timer: Timer;
  #budget = 0;

  /** Begins with the first slice at once. */
  constructor(items: readonly T[], ports: FarewellPorts<T>) {
    this.#ports = ports;
    this.#waiting = [...items];
    this.#timer = every(ports.clock, SLICE_MS, () => this.#slice());
    this.#slice();
  }

  /** The item is away, and makes room for another one. */
  gone(item: T): void {
    if (this.#moving.delete(item)) this.#pump();
  }

  /** Sends nobody else away. */
  end(): void {
    this.#waiting.length = 0;
    this.#timer.cancel();
  }

  #slice(): void {
    const sliceItems = (this.#ports.perSecond * SLICE_MS) / SECOND_MS;
    // What one slice did not use is not saved up for the next: a burst is what must not be.
    this.#budget = sliceItems < 1 ? this.#budget + sliceItems : sliceItems;
    const nowMs = this.#ports.clock.mono();
    for (const [item, sinceMs] of this.#moving)
      if (nowMs - sinceMs >= DRAIN_MOVE_WAIT_MS) this.#moving.delete(item);
    this.#pump();
  }

  #pump(): void {
    while (this.#budget >= 1 && this.#moving.size < DRAIN_SESSIONS_MOVING_MAX) {
      const item = this.#waiting.shift();
      if (item === undefined) return this.#timer.cancel();
      this.#budget -= 1;
      this.#moving.set(item, this.#ports.clock.mono());
      this.#ports.sendAway(item);
    }
  }
}

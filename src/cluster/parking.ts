/**
 * Where messages wait for a shard that nobody serves at the moment: while it is handed over, or its owner is not known
 * or not heard. First in, first out, so that the order of one sender's messages survives.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import type { ShardId } from '../protocol/ids.ts';
import {
  ROUTER_RETRY_DELAY_MAX_MS,
  ROUTER_RETRY_DELAY_MIN_MS,
  ROUTER_WAITING_MESSAGES_MAX,
} from '../protocol/limits.ts';

export interface Waiting {
  /** When it gives up, on the monotonic clock. */
  readonly deadlineMs: number;
  /** How often it has waited: the wait gets longer. */
  waits: number;
  /** Tries again; may park itself again. */
  proceed(): void;
  expire(): void;
}

interface Lot {
  readonly waiting: Waiting[];
  readonly timer: Timer;
}

export class Parking {
  readonly #clock: Clock;
  readonly #lots = new Map<ShardId, Lot>();
  #size = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Messages waiting now. */
  get size(): number {
    return this.#size;
  }

  /** Whether others wait for the shard: then a new message queues behind them. */
  holds(shard: ShardId): boolean {
    return this.#lots.size > 0 && this.#lots.has(shard);
  }

  /** False when ROUTER_WAITING_MESSAGES_MAX wait already. */
  park(shard: ShardId, item: Waiting): boolean {
    if (this.#size >= ROUTER_WAITING_MESSAGES_MAX) return false;
    this.#lotOf(shard, item.waits).waiting.push(item);
    item.waits += 1;
    this.#size += 1;
    return true;
  }

  /** Lets everybody who waits for the shard try again, in order. */
  wake(shard: ShardId): void {
    const lot = this.#lots.get(shard);
    if (lot === undefined) return;
    this.#lots.delete(shard);
    lot.timer.cancel();
    this.#size -= lot.waiting.length;
    const nowMs = this.#clock.mono();
    for (const item of lot.waiting) {
      if (nowMs >= item.deadlineMs) item.expire();
      else item.proceed();
    }
  }

  /** Ends every wait as if its deadline had passed. */
  close(): void {
    const lots = [...this.#lots.values()];
    this.#lots.clear();
    this.#size = 0;
    for (const { timer, waiting } of lots) {
      timer.cancel();
      for (const item of waiting) item.expire();
    }
  }

  #lotOf(shard: ShardId, waits: number): Lot {
    const present = this.#lots.get(shard);
    if (present !== undefined) return present;
    const delayMs = Math.min(ROUTER_RETRY_DELAY_MIN_MS * 2 ** waits, ROUTER_RETRY_DELAY_MAX_MS);
    const timer = this.#clock.after(delayMs, () => this.wake(shard));
    const lot: Lot = { waiting: [], timer };
    this.#lots.set(shard, lot);
    return lot;
  }
}

/**
 * A clock that simulation drives: time passes only when events run, events of one instant run in an order drawn from
 * a seed. Between events the promises of the program settle, so code with `await` behaves as it does in production.
 */
import type { Clock, Timer } from './clock.ts';
import { seededRandom } from './random.ts';
import type { Random } from './random.ts';

interface Event {
  readonly atMs: number;
  /** Order among events of one instant. */
  readonly tie: number;
  task: (() => void) | undefined;
}

export interface VirtualClockOptions {
  /** Decides the order of events of one instant. Default 1. */
  readonly seed?: number;
  /** What `now()` shows at the start, in milliseconds since 1970. */
  readonly startMs?: number;
}

/** Captured before anybody can replace them. */
const realNextTick = process.nextTick.bind(process);
const realMicrotask = queueMicrotask;

/**
 * Calls `task` when every pending promise reaction has run, and those that they cause. A tick that a reaction asks for comes
 * after all of them, and without the look at the operating system that `setImmediate` costs.
 */
function afterReactions(task: () => void): void {
  realMicrotask(() => realNextTick(task));
}

function isBefore(left: Event, right: Event): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.tie < right.tie);
}

/** A binary heap of events, the earliest at the top. */
class EventHeap {
  readonly #events: Event[] = [];

  get top(): Event | undefined {
    return this.#events[0];
  }

  push(event: Event): void {
    const events = this.#events;
    let index = events.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = events[parent];
      if (above === undefined || !isBefore(event, above)) break;
      events[index] = above;
      index = parent;
    }
    events[index] = event;
  }

  pop(): Event | undefined {
    const events = this.#events;
    const top = events[0];
    const last = events.pop();
    if (last !== undefined && events.length > 0) this.#sink(last);
    return top;
  }

  /** Puts `event` at the top and lets it sink to its place. */
  #sink(event: Event): void {
    const events = this.#events;
    let index = 0;
    for (;;) {
      const left = events[2 * index + 1];
      const right = events[2 * index + 2];
      if (left === undefined) break;
      const isRightFirst = right !== undefined && isBefore(right, left);
      const child = isRightFirst ? right : left;
      if (!isBefore(child, event)) break;
      events[index] = child;
      index = 2 * index + (isRightFirst ? 2 : 1);
    }
    events[index] = event;
  }
}

/** `soon` runs within the same virtual instant, in a later step. */
export class VirtualClock implements Clock {
  readonly #heap = new EventHeap();
  readonly #random: Random;
  readonly #startMs: number;
  #elapsedMs = 0;
  #scheduled = 0;

  constructor(options: VirtualClockOptions = {}) {
    this.#random = seededRandom(options.seed ?? 1);
    this.#startMs = options.startMs ?? Date.UTC(2026, 0, 1);
  }

  /** Events scheduled and neither run nor cancelled. */
  get pending(): number {
    return this.#scheduled;
  }

  now(): number {
    // Whole milliseconds, as the machine's clock.
    return this.#startMs + Math.floor(this.#elapsedMs);
  }

  mono(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, task: () => void): Timer {
    const event: Event = {
      atMs: this.#elapsedMs + Math.max(0, delayMs),
      tie: this.#random.fraction(),
      task,
    };
    this.#heap.push(event);
    this.#scheduled += 1;
    return {
      cancel: () => {
        if (event.task === undefined) return;
        event.task = undefined;
        this.#scheduled -= 1;
      },
    };
  }

  soon(task: () => void): void {
    this.after(0, task);
  }

  /** Runs the next event, moving time to it; false when there is none at or before `untilMs` (on `mono`). */
  step(untilMs: number = Infinity): boolean {
    for (;;) {
      const next = this.#heap.top;
      if (next === undefined || next.atMs > untilMs) return false;
      this.#heap.pop();
      const task = next.task;
      if (task === undefined) continue;
      next.task = undefined;
      this.#scheduled -= 1;
      this.#elapsedMs = next.atMs;
      task();
      return true;
    }
  }

  /** Runs every event up to `untilMs` (on `mono`) without letting promises settle: for code that has none. */
  run(untilMs: number): void {
    while (this.step(untilMs)) continue;
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  /** Lets `ms` pass, promises settling between events. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await this.#drainUntil(untilMs);
    this.#elapsedMs = untilMs;
  }

  /** Runs until nothing is scheduled. Periodic timers never end, so `limitMs` of virtual time bounds it. */
  async runUntilIdle(limitMs: number = Infinity): Promise<void> {
    await this.#drainUntil(this.#elapsedMs + limitMs);
  }

  #drainUntil(untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        try {
          if (this.step(untilMs)) afterReactions(next);
          else resolve();
        } catch (cause) {
          reject(cause);
        }
      };
      afterReactions(next);
    });
  }
}

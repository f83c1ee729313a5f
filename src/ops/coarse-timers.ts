/**
 * Many long waits on one timer of the clock, for what may come a moment late: a timer of its own for each of ten thousand
 * sessions and users costs more memory than what it waits for, and more time to insert.
 */
import { COARSE_TIMER_SLOT_MS } from '../protocol/limits.ts';
import type { Clock, Timer, Timers } from './clock.ts';

type Slot = Set<Wait>;

class Wait implements Timer {
  readonly run: () => void;
  readonly #slot: Slot;

  constructor(run: () => void, slot: Slot) {
    this.run = run;
    this.#slot = slot;
    slot.add(this);
  }

  cancel(): void {
    this.#slot.delete(this);
  }
}

/** Tasks run in the order of their slots, within a slot in the order in which they were given. */
export class CoarseTimers implements Timers {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Slot>();
  /** The first slot with waits: nothing is swept before its end. */
  #nextSlot = Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `task` once, not before `delayMs` have passed and at most COARSE_TIMER_SLOT_MS later. */
  after(delayMs: number, task: () => void): Timer {
    const index = slotOf(this.#clock.mono() + Math.max(0, delayMs));
    let slot = this.#slots.get(index);
    if (slot === undefined) this.#slots.set(index, (slot = new Set()));
    if (index < this.#nextSlot) this.#sweepAfter(index);
    return new Wait(task, slot);
  }

  /** Sweeps when a slot ends, so that what is due is at most a slot late. */
  #sweepAfter(slot: number): void {
    this.#timer?.cancel();
    this.#nextSlot = slot;
    if (slot === Infinity) return;
    const endMs = (slot + 1) * COARSE_TIMER_SLOT_MS;
    this.#timer = this.#clock.after(endMs - this.#clock.mono(), () => this.#sweep());
  }

  #sweep(): void {
    const present = slotOf(this.#clock.mono());
    const due: Array<[number, Slot]> = [];
    let next = Infinity;
    for (const [index, slot] of this.#slots) {
      const isOver = index < present;
      if (isOver) due.push([index, slot]);
      if (isOver || slot.size === 0) this.#slots.delete(index);
      else next = Math.min(next, index);
    }
    this.#sweepAfter(next);
    for (const [, slot] of due.toSorted(([left], [right]) => left - right)) runAll(slot);
  }
}

function slotOf(monoMs: number): number {
  return Math.floor(monoMs / COARSE_TIMER_SLOT_MS);
}

/** A task may cancel another one of its slot, which then does not run. */
function runAll(slot: Slot): void {
  for (const wait of slot) {
    slot.delete(wait);
    wait.run();
  }
}

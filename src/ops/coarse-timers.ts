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
  #nextSlot = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `task` once, not before `delayMs` have passed and at most COARSE_TIMER_SLOT_MS later. */
  after(delayMs: number, task: () => void): Timer {
    const nowMs = this.#clock.mono();
    if (this.#timer === undefined) this.#nextSlot = slotOf(nowMs);
    // The slot that ends after the deadline: it is swept at its end.
    const index = slotOf(nowMs + Math.max(0, delayMs));
    let slot = this.#slots.get(index);
    if (slot === undefined) this.#slots.set(index, (slot = new Set()));
    this.#timer ??= this.#sweepNext(nowMs);
    return new Wait(task, slot);
  }

  /** Sweeps end with the slots, so that what is due is at most a slot late. */
  #sweepNext(nowMs: number): Timer {
    const endMs = (slotOf(nowMs) + 1) * COARSE_TIMER_SLOT_MS;
    return this.#clock.after(endMs - nowMs, () => this.#sweep());
  }

  #sweep(): void {
    const nowMs = this.#clock.mono();
    const present = slotOf(nowMs);
    const due: Slot[] = [];
    for (; this.#nextSlot < present; this.#nextSlot += 1) {
      const slot = this.#slots.get(this.#nextSlot);
      if (slot !== undefined) due.push(slot);
      this.#slots.delete(this.#nextSlot);
    }
    this.#timer = this.#slots.size === 0 ? undefined : this.#sweepNext(nowMs);
    for (const slot of due) runAll(slot);
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

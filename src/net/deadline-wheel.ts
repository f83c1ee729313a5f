/** Many deadlines on one timer: numbers are put into slots of time; a slot ends all its numbers together. */
import type { Clock, Timer } from '../ops/clock.ts';
import { MESH_DEADLINE_SLOT_MS } from '../protocol/limits.ts';

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #onDue: (id: number) => void;
  readonly #slots = new Map<number, number[]>();
  /** The first slot that holds something: nothing is swept before. */
  #nextSlot = Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, onDue: (id: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Calls `onDue(id)` not before `delayMs` and at most a slot later. It cannot be taken back: ignore what is settled. */
  add(id: number, delayMs: number): void {
    const slot = this.#slotOf(this.#clock.mono() + delayMs) + 1;
    const ids = this.#slots.get(slot);
    if (ids === undefined) this.#slots.set(slot, [id]);
    else ids.push(id);
    if (slot < this.#nextSlot) this.#sweepAt(slot);
  }

  close(): void {
    this.#timer?.cancel();
    this.#nextSlot = Infinity;
    this.#slots.clear();
  }

  #slotOf(monoMs: number): number {
    return Math.floor(monoMs / MESH_DEADLINE_SLOT_MS);
  }

  /** A timer that looks every slot would wake an idle node twenty times a second for nothing. */
  #sweepAt(slot: number): void {
    this.#timer?.cancel();
    this.#nextSlot = slot;
    if (slot === Infinity) return;
    const delayMs = slot * MESH_DEADLINE_SLOT_MS - this.#clock.mono();
    this.#timer = this.#clock.after(delayMs, () => this.#sweep());
  }

  #sweep(): void {
    const present = this.#slotOf(this.#clock.mono());
    const due: Array<[number, readonly number[]]> = [];
    let next = Infinity;
    for (const [slot, ids] of this.#slots)
      if (slot > present) next = Math.min(next, slot);
      else {
        due.push([slot, ids]);
        this.#slots.delete(slot);
      }
    this.#sweepAt(next);
    for (const [, ids] of due.toSorted(([left], [right]) => left - right))
      for (const id of ids) this.#onDue(id);
  }
}

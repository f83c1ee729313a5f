/** Many deadlines on one timer: numbers are put into slots of time; a slot ends all its numbers together. */
import type { Clock, Timer } from '../ops/clock.ts';
import { MESH_DEADLINE_SLOT_MS } from '../protocol/limits.ts';

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #onDue: (id: number) => void;
  readonly #slots = new Map<number, number[]>();
  #nextSlot = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, onDue: (id: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Calls `onDue(id)` not before `delayMs` and at most a slot later. It cannot be taken back: ignore what is settled. */
  add(id: number, delayMs: number): void {
    if (this.#slots.size === 0) this.#nextSlot = this.#slotOf(this.#clock.mono());
    const slot = this.#slotOf(this.#clock.mono() + delayMs) + 1;
    const ids = this.#slots.get(slot);
    if (ids === undefined) this.#slots.set(slot, [id]);
    else ids.push(id);
    this.#timer ??= this.#clock.after(MESH_DEADLINE_SLOT_MS, () => this.#sweep());
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#slots.clear();
  }

  #slotOf(monoMs: number): number {
    return Math.floor(monoMs / MESH_DEADLINE_SLOT_MS);
  }

  #sweep(): void {
    const present = this.#slotOf(this.#clock.mono());
    const due: number[][] = [];
    for (; this.#nextSlot <= present; this.#nextSlot++) {
      due.push(this.#slots.get(this.#nextSlot) ?? []);
      this.#slots.delete(this.#nextSlot);
    }
    this.#timer =
      this.#slots.size === 0
        ? undefined
        : this.#clock.after(MESH_DEADLINE_SLOT_MS, () => this.#sweep());
    for (const id of due.flat()) this.#onDue(id);
  }
}

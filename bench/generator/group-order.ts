/** The one order of a group's log: what the first member of this process got at each place, all others must get there. */
import { createHash } from 'node:crypto';
import type { Stamp } from './send-template.ts';

const COUNTERS = 2 ** 32;

export class GroupOrder {
  /** By sequence number: sender and counter as one number. */
  readonly #places: number[] = [];
  /** By sender: the newest counter. */
  readonly #counters = new Map<number, number>();

  /** Notes what is at `seq`; false when another member got something else there, or a sender's message is missing. */
  has(seq: number, { sender, counter }: Stamp): boolean {
    const message = sender * COUNTERS + counter;
    const known = this.#places[seq];
    if (known !== undefined) return known === message;
    this.#places[seq] = message;
    const isNext = counter === (this.#counters.get(sender) ?? 0) + 1;
    this.#counters.set(sender, counter);
    return isNext;
  }

  /** The same for everybody who got the same in the same order. */
  digest(): string {
    return createHash('sha256').update(this.#places.join()).digest('hex');
  }
}

/** Which members of a group got an own message, and which have read it. */
import type { UserId } from '../../protocol/ids.ts';

export class Readers {
  readonly #got = new Set<UserId>();
  readonly #read = new Set<UserId>();

  /** Whoever has read it has got it. @returns whether that is news */
  note(by: UserId, state: 'delivered' | 'read'): boolean {
    const before = this.#got.size + this.#read.size;
    this.#got.add(by);
    if (state === 'read') this.#read.add(by);
    return this.#got.size + this.#read.size > before;
  }

  /** Whether all of `others` members have got it; where nobody knows how many there are, never. */
  hasReached(others: number | undefined): boolean {
    return others !== undefined && this.#got.size >= others;
  }

  isReadBy(others: number | undefined): boolean {
    return others !== undefined && this.#read.size >= others;
  }

  /** `delivered 3/4`, `delivered 4/4, read 2`, `read 4/4`. */
  label(others: number | undefined): string {
    // Somebody may have got it and gone.
    const of = (count: number): string =>
      others === undefined ? ` to ${count}` : ` ${count}/${Math.max(others, count)}`;
    if (this.isReadBy(others)) return `read${of(this.#read.size)}`;
    const read = this.#read.size === 0 ? '' : `, read by ${this.#read.size}`;
    return `delivered${of(this.#got.size)}${read}`;
  }
}

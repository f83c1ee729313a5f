/** Pushed entries that were not read yet, and how far the log is known to reach. Pure. */
export class Arrivals<Entry extends { readonly seq: number }> {
  readonly #max: number;
  #entries: Entry[] = [];
  #head = 0;

  /** `max`: entries kept; past it pushes are dropped and pulled later. */
  constructor(max: number) {
    this.#max = max;
  }

  get head(): number {
    return this.#head;
  }

  /** Another session: what an older one pushed will be pulled. */
  reset(head: number): void {
    this.#entries = [];
    this.#head = head;
  }

  notice(head: number): void {
    this.#head = Math.max(this.#head, head);
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const last = this.#entries.at(-1);
      const isNext = last === undefined || entry.seq === last.seq + 1;
      if (isNext && this.#entries.length < this.#max) this.#entries.push(entry);
      this.notice(entry.seq);
    }
  }

  /** The entries right after `cursor`, if they are here; undefined: pull, if the head is further. */
  take(cursor: number): { readonly entries: readonly Entry[]; readonly upTo: number } | undefined {
    const entries = this.#entries.filter(({ seq }) => seq > cursor);
    const upTo = entries.at(-1)?.seq;
    const isNext = entries[0]?.seq === cursor + 1;
    // Behind a gap they wait: the pull that repairs it need not bring them again.
    this.#entries = isNext ? [] : entries;
    return isNext && upTo !== undefined ? { entries, upTo } : undefined;
  }
}

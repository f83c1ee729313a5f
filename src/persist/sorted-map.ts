/** A map in key order, for the simulated disk: binary search over a sorted array of keys. */

/** Keys are byte texts (write-overlay.ts), so text order is byte order. */
export class SortedMap<V> {
  readonly #values = new Map<string, V>();
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#indexOf(key), 0, key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#indexOf(key), 1);
  }

  /** Keys from `from` inclusive to `to` exclusive (undefined: the end), backwards when `reverse`. */
  *range(from: string, to: string | undefined, reverse: boolean): Generator<[string, V]> {
    const first = this.#indexOf(from);
    const end = to === undefined ? this.#keys.length : this.#indexOf(to);
    for (let offset = 0; offset < end - first; offset += 1) {
      const key = this.#keys[reverse ? end - 1 - offset : first + offset];
      const value = key === undefined ? undefined : this.#values.get(key);
      if (key !== undefined && value !== undefined) yield [key, value];
    }
  }

  /** Where `key` is, or where it would be inserted. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

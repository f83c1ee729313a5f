/** A map that is usually empty, where there are very many of them: takes next to no memory until something is in it. */
export class SparseMap<K, V> {
  #entries: Map<K, V> | undefined;

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  get(key: K): V | undefined {
    return this.#entries?.get(key);
  }

  has(key: K): boolean {
    return this.#entries?.has(key) ?? false;
  }

  set(key: K, value: V): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  delete(key: K): void {
    this.#entries?.delete(key);
    if (this.#entries?.size === 0) this.#entries = undefined;
  }

  keys(): Iterable<K> {
    return this.#entries?.keys() ?? [];
  }

  values(): Iterable<V> {
    return this.#entries?.values() ?? [];
  }

  /** In the order in which keys were first set; entries may be deleted meanwhile. */
  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return (this.#entries ?? NOTHING)[Symbol.iterator]() as Iterator<readonly [K, V]>;
  }
}

const NOTHING: readonly never[] = [];

/** A map in key order, for the simulated disk: a B+ tree. */
import BTreeModule from 'sorted-btree';

// The package is CommonJS, so its default export is a property of what Node imports.
const BTree = BTreeModule.default;

/** Keys are byte texts (write-overlay.ts), so text order is byte order. */
export class SortedMap<V> {
  readonly #tree = new BTree<string, V>(undefined, byText);

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): V | undefined {
    return this.#tree.get(key);
  }

  set(key: string, value: V): void {
    this.#tree.set(key, value);
  }

  delete(key: string): void {
    this.#tree.delete(key);
  }

  /** Keys from `from` inclusive to `to` exclusive (undefined: the end), backwards when `reverse`. */
  *range(from: string, to: string | undefined, reverse: boolean): Generator<[string, V]> {
    if (this.#tree.isEmpty) return;
    const pairs = reverse
      ? this.#tree.entriesReversed(to, undefined, true)
      : this.#tree.entries(from);
    for (const pair of pairs) {
      const [key] = pair;
      if (reverse ? key < from : to !== undefined && key >= to) return;
      yield pair;
    }
  }
}

function byText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

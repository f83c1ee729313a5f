/**
 * The writes that reads must already see and the disk does not show yet: those of the present turn and those of
 * transactions under way. A key written twice in one turn is one write, so a transaction never puts and removes the same key.
 */
import type { Area, DiskWrite, KeyRange } from './environment.ts';
import { physicalKey } from './physical-keys.ts';

interface OverlayWrite extends DiskWrite {
  value: Buffer | undefined;
  /** The turn whose transaction holds it. */
  readonly turn: number;
}

/** Bytes as text, one character a byte: a map key that compares like the bytes. */
export function byteText(bytes: Uint8Array): string {
  const view =
    bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.toString('latin1');
}

function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}

/** One order for ranges read forwards, its mirror for ranges read backwards. */
function byText(reverse: boolean): (a: DiskWrite, b: DiskWrite) => number {
  const sign = reverse ? -1 : 1;
  return (a, b) => (a.text < b.text ? -sign : sign);
}

/** Pending writes by area. */
export class WriteOverlay {
  readonly #areas = new Map<Area, Map<string, OverlayWrite>>();
  #turn = 0;
  #open: OverlayWrite[] = [];

  /** Adds a write to the present turn. Key and value are copied. @returns how many bytes the transaction grew by */
  put(area: Area, key: Uint8Array, value: Uint8Array | undefined): number {
    const writes = this.#writesOf(area);
    const physical = physicalKey(area, key);
    const text = physical.toString('latin1', 3);
    const copy = value === undefined ? undefined : copyOf(value);
    const present = writes.get(text);
    if (present?.turn === this.#turn) {
      present.value = copy;
    } else {
      const write: OverlayWrite = { area, text, physical, value: copy, turn: this.#turn };
      writes.set(text, write);
      this.#open.push(write);
    }
    return physical.length + (copy?.length ?? 0);
  }

  /** The newest pending write of a key; its `value` is undefined when it removes the key. */
  find(area: Area, key: Uint8Array): DiskWrite | undefined {
    const writes = this.#areas.get(area);
    return writes === undefined || writes.size === 0 ? undefined : writes.get(byteText(key));
  }

  /** The pending writes of a range, in its order. */
  within(keys: KeyRange, reverse: boolean): DiskWrite[] {
    const writes = this.#areas.get(keys.area);
    if (writes === undefined || writes.size === 0) return [];
    const from = byteText(keys.from);
    const to = keys.to === undefined ? undefined : byteText(keys.to);
    const found: DiskWrite[] = [];
    for (const write of writes.values())
      if (write.text >= from && (to === undefined || write.text < to)) found.push(write);
    return found.sort(byText(reverse));
  }

  /** Ends the turn. @returns its writes, which stay visible until `forget` */
  takeTurn(): readonly DiskWrite[] {
    const taken = this.#open;
    this.#open = [];
    this.#turn += 1;
    return taken;
  }

  /** Drops writes that the disk shows by now; newer writes of the same keys stay. */
  forget(written: readonly DiskWrite[]): void {
    for (const write of written) {
      const writes = this.#areas.get(write.area);
      if (writes?.get(write.text) === write) writes.delete(write.text);
    }
  }

  #writesOf(area: Area): Map<string, OverlayWrite> {
    let writes = this.#areas.get(area);
    if (writes === undefined) this.#areas.set(area, (writes = new Map<string, OverlayWrite>()));
    return writes;
  }
}

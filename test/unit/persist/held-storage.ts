/** A disk and a file whose writes a test finishes by hand, and that a power failure leaves half done. */
import type { Disk, DiskCommit, DiskWrite, Pair } from '../../../src/persist/environment.ts';
import type { LogFile } from '../../../src/persist/write-ahead-log.ts';

const SECTOR_BYTES = 512;

interface Held<T> {
  readonly what: T;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export class HeldFile implements LogFile {
  readonly path = 'log';
  /** Writes finish by themselves. */
  isQuick = false;
  closed = false;
  writes = 0;
  #durable = Buffer.alloc(0);
  #held: Held<{ readonly bytes: Uint8Array; readonly position: number }> | undefined;

  get size(): number {
    return this.#durable.length;
  }

  get isBusy(): boolean {
    return this.#held !== undefined;
  }

  read(): Buffer {
    return Buffer.from(this.#durable);
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#held !== undefined) throw new Error('one write at a time');
    this.writes += 1;
    const done = new Promise<void>((resolve, reject) => {
      this.#held = { what: { bytes: Uint8Array.from(bytes), position }, resolve, reject };
    });
    if (this.isQuick) this.finish();
    return done;
  }

  finish(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    this.#put(held.what.bytes, held.what.position, () => true);
    held.resolve();
  }

  fail(cause: Error): void {
    this.#held?.reject(cause);
    this.#held = undefined;
  }

  /** Of the write under way each sector is there or not. */
  crash(chance: () => number): void {
    if (this.#held !== undefined)
      this.#put(this.#held.what.bytes, this.#held.what.position, () => chance() < 0.5);
    this.#held = undefined;
  }

  /** Changes the first byte that is `text`. */
  damageOnce(text: string): void {
    this.#durable[this.#durable.indexOf(text)] = 0;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #put(bytes: Uint8Array, position: number, isThere: () => boolean): void {
    const end = position + bytes.length;
    if (end > this.#durable.length)
      this.#durable = Buffer.concat([this.#durable, Buffer.alloc(end - this.#durable.length)]);
    for (let from = position; from < end;) {
      const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
      if (isThere()) this.#durable.set(bytes.subarray(from - position, to - position), from);
      from = to;
    }
  }
}

/** Transactions are there as a whole or not at all. */
export class HeldDisk implements Disk {
  isQuick = false;
  closed = false;
  readonly #areas = new Map<number, Map<string, Uint8Array>>();
  #held: Array<Held<readonly DiskWrite[]>> = [];

  get held(): ReadonlyArray<readonly DiskWrite[]> {
    return this.#held.map(({ what }) => what);
  }

  /** An area in key order, as text. */
  content(area: number): Record<string, string> {
    const pairs = [...(this.#areas.get(area) ?? [])].map(
      ([key, value]) => [key, Buffer.from(value).toString()] as const,
    );
    return Object.fromEntries(pairs.sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  get(area: number, key: Uint8Array): Uint8Array | undefined {
    return this.#areas.get(area)?.get(Buffer.from(key).toString('latin1'));
  }

  range(): Pair[] {
    return [];
  }

  commit(writes: readonly DiskWrite[]): DiskCommit {
    const flushed = new Promise<void>((resolve, reject) => {
      this.#held.push({ what: writes, resolve, reject });
    });
    if (this.isQuick) this.finish();
    return { committed: flushed, flushed };
  }

  /** Finishes the oldest transaction. */
  finish(): void {
    const held = this.#held.shift();
    if (held === undefined) return;
    this.#apply(held.what);
    held.resolve();
  }

  fail(cause: Error): void {
    this.#held.shift()?.reject(cause);
  }

  crash(chance: () => number): void {
    const [oldest] = this.#held;
    if (oldest !== undefined && chance() < 0.5) this.#apply(oldest.what);
    this.#held = [];
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  #apply(writes: readonly DiskWrite[]): void {
    for (const { area, text, value } of writes) {
      let map = this.#areas.get(area);
      if (map === undefined) this.#areas.set(area, (map = new Map<string, Uint8Array>()));
      if (value === undefined) map.delete(text);
      else map.set(text, value);
    }
  }
}

/**
 * A simulated disk that outlives the simulated process: flushed transactions stay through a crash, others are lost.
 * Time enters through the Clock, so under a virtual clock a run is repeatable.
 */
import type { Clock } from '../ops/clock.ts';
import { ownCopy } from '../protocol/own-copy.ts';
import type {
  Area,
  Disk,
  DiskCommit,
  DiskWrite,
  KeyRange,
  OnFailure,
  Pair,
  RangeOptions,
} from './environment.ts';
import type { DiskSpace } from './free-space.ts';
import { GroupCommit } from './group-commit.ts';
import { SortedMap } from './sorted-map.ts';
import { byteText } from './write-overlay.ts';

const NO_VALUE = new Uint8Array(0);

/** A transaction on its way to the disk. */
interface Transaction {
  readonly writes: readonly DiskWrite[];
  readonly done: () => void;
}

/** What stays when a process dies. One environment at a time may use it. */
export class MemoryDisk {
  /** What the free-space check sees; a test may change it at any time. */
  space: DiskSpace = { freeBytes: Number.MAX_SAFE_INTEGER, totalBytes: Number.MAX_SAFE_INTEGER };
  readonly #areas = new Map<Area, SortedMap<Uint8Array>>();
  readonly #unflushed: Transaction[] = [];
  #halt: (() => void) | undefined;

  /**
   * The process dies: nothing it waits for ever resolves, and its environment refuses everything.
   * @param kept how many of the oldest unflushed transactions reached the disk all the same
   */
  crash(kept = 0): void {
    for (const { writes } of this.#unflushed.splice(0).slice(0, kept)) this.#apply(writes);
    this.#halt?.();
    this.#halt = undefined;
  }

  /** A disk with the same flushed content: what a back-up of the machine would hold. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk();
    for (const [area, map] of this.#areas) {
      const entries = new SortedMap<Uint8Array>();
      for (const [text, value] of map.range('', undefined, false)) entries.set(text, value);
      copy.#areas.set(area, entries);
    }
    return copy;
  }

  /** How many transactions a crash now would lose. */
  get unflushed(): number {
    return this.#unflushed.length;
  }

  /** The environment in use, to be ended by a crash. */
  attach(halt: () => void): void {
    this.#halt = halt;
  }

  get(area: Area, key: Uint8Array): Uint8Array | undefined {
    const value = this.#areas.get(area)?.get(byteText(key));
    return value === undefined ? undefined : ownCopy(value);
  }

  *range(keys: KeyRange, options: RangeOptions): Generator<Pair> {
    const map = this.#areas.get(keys.area);
    if (map === undefined) return;
    const to = keys.to === undefined ? undefined : byteText(keys.to);
    for (const [text, value] of map.range(byteText(keys.from), to, options.reverse ?? false))
      yield [
        ownCopy(Buffer.from(text, 'latin1')),
        options.keysOnly === true ? NO_VALUE : ownCopy(value),
      ];
  }

  /** Queues a transaction; `done` is called when `flushUpTo` reaches it. */
  enqueue(writes: readonly DiskWrite[], done: () => void): Transaction {
    const transaction: Transaction = { writes, done };
    this.#unflushed.push(transaction);
    return transaction;
  }

  /** Applies everything up to `transaction`; nothing when a crash has lost it. */
  flushUpTo(transaction: Transaction): void {
    const count = this.#unflushed.indexOf(transaction) + 1;
    for (const { writes, done } of this.#unflushed.splice(0, count)) {
      this.#apply(writes);
      done();
    }
  }

  #apply(writes: readonly DiskWrite[]): void {
    for (const { area, text, value } of writes) {
      let map = this.#areas.get(area);
      if (map === undefined) this.#areas.set(area, (map = new SortedMap()));
      if (value === undefined) map.delete(text);
      else map.set(text, value);
    }
  }
}

export interface MemoryEnvironmentOptions {
  readonly clock: Clock;
  readonly disk: MemoryDisk;
  /** How long one flush takes, asked for each. */
  readonly flushDelayMs: () => number;
  readonly onFailure: OnFailure;
  /** A planted bug, for the simulator's own tests: acknowledges before the disk has it. */
  readonly resolveBeforeFlush?: boolean;
}

function memoryDriver({
  clock,
  disk,
  flushDelayMs,
  resolveBeforeFlush,
}: MemoryEnvironmentOptions): Disk {
  return {
    get: (area, key) => disk.get(area, key),
    range: (keys, options) => disk.range(keys, options),
    commit(writes): DiskCommit {
      const flushed = new Promise<void>((resolve) => {
        const transaction = disk.enqueue(writes, resolve);
        clock.after(flushDelayMs(), () => disk.flushUpTo(transaction));
      });
      return {
        committed: flushed,
        flushed: resolveBeforeFlush === true ? Promise.resolve() : flushed,
      };
    },
    close: () => Promise.resolve(),
  };
}

/** An environment on a simulated disk; the twin of `openLmdbEnvironment`. */
export function createMemoryEnvironment(options: MemoryEnvironmentOptions): GroupCommit {
  const environment = new GroupCommit(memoryDriver(options), options);
  options.disk.attach(() => environment.halt());
  return environment;
}

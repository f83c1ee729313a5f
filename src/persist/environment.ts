/**
 * An environment is the ordered byte store under everything durable: numbered areas, each a map in key order, on one disk.
 * Writes of one turn of the event loop are one transaction and share one wait for the disk (group commit).
 *
 * E1  Reads see every write made, whether it has reached the disk or not.
 * E2  The writes of one turn are on the disk together or not at all; turns reach it in order.
 * E3  `flushed` resolves when everything written before the call is on the disk, in the order of the calls.
 * E4  The first failed transaction ends the environment: everything is refused from then on, `onFailure` is told once.
 */
import type { FastChatError } from '../protocol/errors.ts';

/** The number of an area, 0 to 2^24 - 1; physical-keys.ts gives them out. */
export type Area = number;

export type Pair = readonly [key: Uint8Array, value: Uint8Array];

export interface RangeOptions {
  readonly limit: number;
  /** Starts at the end of the range. */
  readonly reverse?: boolean;
  /** Leaves the values out (they are empty), which is faster. */
  readonly keysOnly?: boolean;
}

/** Keys of one area: `from` inclusive, `to` exclusive, undefined for its end. */
export interface KeyRange {
  readonly area: Area;
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
}

/** Every method throws (or rejects with) E_IO once the environment has failed or is closed. */
export interface Environment {
  /** A copy of the value. */
  get(area: Area, key: Uint8Array): Uint8Array | undefined;
  /** Copies, in key order. */
  range(keys: KeyRange, options: RangeOptions): Pair[];
  /** Joins the transaction of the present turn; `value` undefined removes the key. Key and value are copied. */
  write(area: Area, key: Uint8Array, value: Uint8Array | undefined): void;
  /** Resolves to `value` when everything written so far is on the disk. */
  flushed<T>(value: T): Promise<T>;
  /** Only throws, see above. */
  assertOpen(): void;
  stats(): EnvironmentStats;
  /** Waits for what was written, then closes. Never rejects: a failure was told to `onFailure`. */
  close(): Promise<void>;
}

export interface EnvironmentStats {
  readonly flushes: number;
  /** From the end of the turn to the disk's answer, for the last transaction, in milliseconds. */
  readonly flushMs: number;
  readonly bytesWritten: number;
}

/** One write of a transaction, in the form that disks want. */
export interface DiskWrite {
  readonly area: Area;
  /** The key without its area, one character a byte: compares like the bytes do. */
  readonly text: string;
  /** The key with its area in front (physical-keys.ts). */
  readonly physical: Buffer;
  readonly value: Buffer | undefined;
}

/** What an environment needs of a disk. Failures are FastChatError E_IO. */
export interface Disk {
  /** A committed value, as a copy. */
  get(area: Area, key: Uint8Array): Uint8Array | undefined;
  /** Committed pairs in order; to be consumed before the caller's turn ends. */
  range(keys: KeyRange, options: RangeOptions): Iterable<Pair>;
  /** One atomic transaction; `writes` has each key once. */
  commit(writes: readonly DiskWrite[]): DiskCommit;
  close(): Promise<void>;
}

/** `committed`: `get` and `range` show the writes. `flushed`: they survive a crash. */
export interface DiskCommit {
  readonly committed: Promise<void>;
  readonly flushed: Promise<void>;
}

export type OnFailure = (error: FastChatError) => void;

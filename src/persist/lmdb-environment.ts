/**
 * The one file that knows lmdb. Its sharp edges, measured on 3.5.6:
 * - A put's promise means committed and visible; only `flushed` survives a power failure. We wait for both.
 * - After a failed transaction the next native call may corrupt the heap, so nothing touches it any more (GroupCommit).
 * - `flushed` of a failed transaction never settles; the rejected put tells us, or else the watch (disk-failure.ts).
 * - A failed transaction also rejects promises that lmdb made for itself. Nobody else can handle them, so we do.
 * - Values must be short (STORE_VALUE_BYTES_MAX) and stay untouched until committed: it reads them from another thread.
 */
import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import type { RootDatabase } from 'lmdb';
import type { Clock } from '../ops/clock.ts';
import { systemRandom } from '../ops/random.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { Disk, DiskCommit, DiskWrite, Environment, OnFailure, Pair } from './environment.ts';
import { GroupCommit } from './group-commit.ts';
import { diskFailure } from './disk-failure.ts';
import { openLogFiles } from './log-files.ts';
import { openLoggedDisk } from './logged-disk.ts';
import { physicalKey } from './physical-keys.ts';
import { checkStoreFiles, markStoreFormat } from './store-files.ts';
import type { StoreFormat } from './store-files.ts';

type Database = RootDatabase<Buffer, Uint8Array>;

export interface LmdbEnvironmentOptions {
  /** Made when missing. The caller holds its lock (data-directory.ts): one process at a time. */
  readonly directory: string;
  readonly clock: Clock;
  readonly onFailure: OnFailure;
  /** Told of every turn when it is durable, with the time that took. */
  readonly onFlush?: ((ms: number) => void) | undefined;
}

/** Opens or makes the environment in `directory`. @throws E_IO (damaged or unreadable), E_VERSION */
export function openLmdbEnvironment(options: LmdbEnvironmentOptions): Environment {
  const { directory, clock } = options;
  return new GroupCommit(lmdbDisk(openDatabase(directory, 'plain'), clock), options);
}

/** The same behind a write-ahead log, for stores that many wait for. @throws E_IO (damaged or unreadable), E_VERSION */
export async function openLoggedEnvironment(options: LmdbEnvironmentOptions): Promise<Environment> {
  const { directory, clock } = options;
  const disk = lmdbDisk(openDatabase(directory, 'logged'), clock);
  const openFiles = (mayMake: boolean) => openLogFiles(directory, mayMake);
  const random = systemRandom;
  return new GroupCommit(await openLoggedDisk({ disk, openFiles, clock, random }), options);
}

function openDatabase(directory: string, format: StoreFormat): Database {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkStoreFiles(directory, format);
    // noSubdir is named because lmdb would guess a file from a dot in the directory's name.
    const database: Database = open<Buffer, Uint8Array>({
      path: directory,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
    });
    markStoreFormat(directory, format);
    return database;
  } catch (cause) {
    if (cause instanceof FastChatError) throw cause;
    throw new FastChatError('E_IO', `cannot open the store in ${directory}`, { cause });
  }
}

function lmdbDisk(database: Database, clock: Clock): Disk {
  return {
    get: (area, key) => translated(() => database.get(physicalKey(area, key))),
    range: ({ area, from, to }, { reverse = false, keysOnly = false }) => {
      const first = physicalKey(area, from);
      const end = to === undefined ? physicalKey(area + 1, NO_VALUE) : physicalKey(area, to);
      // Backwards, lmdb includes its start and excludes its end; ours are the other way round.
      const bounds = reverse
        ? { start: end, end: first, reverse, exclusiveStart: true, inclusiveEnd: true }
        : { start: first, end };
      return keysOnly
        ? database.getKeys(bounds).map((physical): Pair => [physical.subarray(3), NO_VALUE])
        : database.getRange(bounds).map(({ key, value }): Pair => [key.subarray(3), value]);
    },
    commit: (writes) => commit(database, clock, writes),
    close: () => database.close(),
  };
}

const NO_VALUE = new Uint8Array(0);

function translated<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw diskFailure(cause);
  }
}

function commit(database: Database, clock: Clock, writes: readonly DiskWrite[]): DiskCommit {
  const outcomes: Promise<boolean>[] = [];
  for (const { physical, value } of writes) {
    const outcome = value === undefined ? database.remove(physical) : database.put(physical, value);
    // Writes of one transaction share a promise, or a few when there are many writes.
    if (outcome !== outcomes.at(-1)) outcomes.push(outcome);
  }
  const committed = Promise.all(outcomes).then(ignore, (cause: unknown) => {
    silenceInner(cause);
    throw diskFailure(cause);
  });
  // Later in this turn lmdb makes one more promise, for the end of the batch, and keeps it to itself.
  clock.soon(() => void database.committed.then(ignore, silenceInner));
  return { committed, flushed: Promise.all([committed, database.flushed]).then(ignore) };
}

/** The error of a failed put carries a promise with the cause; unless handled, it would end the process unexplained. */
function silenceInner(cause: unknown): void {
  const inner = (cause as { readonly commitError?: Promise<never> }).commitError;
  inner?.catch(ignore);
}

function ignore(): void {}

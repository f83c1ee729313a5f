/** The environment over any disk: group commit, reads through pending writes, the watchdog and the failure latch. */
import type { Clock, Timer } from '../ops/clock.ts';
import { FastChatError } from '../protocol/errors.ts';
import { ownCopy } from '../protocol/own-copy.ts';
import { diskFailure, watchDisk } from './disk-failure.ts';
import type {
  Area,
  Disk,
  DiskWrite,
  Environment,
  EnvironmentStats,
  KeyRange,
  OnFailure,
  Pair,
  RangeOptions,
} from './environment.ts';
import { mergeRange } from './merge-range.ts';
import { WriteOverlay } from './write-overlay.ts';

export interface GroupCommitOptions {
  readonly clock: Clock;
  /** Called once, with E_IO; the process that serves from this environment must end. */
  readonly onFailure: OnFailure;
  /** Told of every turn when it is durable, with the time that took since its end. */
  readonly onFlush?: ((ms: number) => void) | undefined;
}

interface Waiter {
  resolve(): void;
  reject(error: FastChatError): void;
}

/** The writes of one turn, on their way to the disk, and everybody who waits for them. */
interface Turn {
  readonly waiters: Waiter[];
  writes: readonly DiskWrite[];
  sealedAtMs: number;
  watchdog: Timer | undefined;
  flushed: boolean;
}

type State = { readonly at: 'open' } | { readonly at: 'ended'; readonly error: FastChatError };

/** See Environment for the guarantees (E1 to E4). */
export class GroupCommit implements Environment {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #onFailure: OnFailure;
  readonly #onFlush: ((ms: number) => void) | undefined;
  readonly #overlay = new WriteOverlay();
  #state: State = { at: 'open' };
  /** Collects the writes of the present turn. */
  #open: Turn | undefined;
  /** Turns at the disk, oldest first. */
  readonly #underWay: Turn[] = [];
  #flushes = 0;
  #flushMs = 0;
  #bytesWritten = 0;

  constructor(disk: Disk, options: GroupCommitOptions) {
    this.#disk = disk;
    this.#clock = options.clock;
    this.#onFailure = options.onFailure;
    this.#onFlush = options.onFlush;
  }

  get(area: Area, key: Uint8Array): Uint8Array | undefined {
    this.assertOpen();
    const pending = this.#overlay.find(area, key);
    if (pending === undefined) return this.#reading(() => this.#disk.get(area, key));
    return pending.value === undefined ? undefined : ownCopy(pending.value);
  }

  range(keys: KeyRange, options: RangeOptions): Pair[] {
    this.assertOpen();
    const pending = this.#overlay.within(keys, options.reverse ?? false);
    return this.#reading(() => mergeRange(this.#disk.range(keys, options), pending, options));
  }

  write(area: Area, key: Uint8Array, value: Uint8Array | undefined): void {
    this.assertOpen();
    this.#open ??= this.#startTurn();
    this.#bytesWritten += this.#overlay.put(area, key, value);
  }

  flushed<T>(value: T): Promise<T> {
    if (this.#state.at === 'ended') return Promise.reject(this.#state.error);
    const turn = this.#open ?? this.#underWay.at(-1);
    if (turn === undefined) return Promise.resolve(value);
    return new Promise((resolve, reject) => {
      turn.waiters.push({ resolve: () => resolve(value), reject });
    });
  }

  assertOpen(): void {
    if (this.#state.at === 'ended') throw this.#state.error;
  }

  stats(): EnvironmentStats {
    return { flushes: this.#flushes, flushMs: this.#flushMs, bytesWritten: this.#bytesWritten };
  }

  async close(): Promise<void> {
    // A failed disk is not touched again, not even to close it: lmdb corrupts its heap after a failed transaction.
    const settled = this.flushed(true).catch(() => false);
    const closed = new FastChatError('E_IO', 'the store is closed');
    // What was written before goes on to the disk; anything later is refused.
    if (this.#state.at === 'open') this.#state = { at: 'ended', error: closed };
    if (await settled)
      await this.#disk.close().catch((cause: unknown) => this.#onFailure(diskFailure(cause)));
  }

  /** Ends the environment as a crash does: nothing resolves, nothing is written, nobody is told. For simulated crashes. */
  halt(): void {
    this.#state = { at: 'ended', error: new FastChatError('E_IO', 'the store has crashed') };
    this.#abandonTurns();
  }

  /** A read that fails says as much about the disk as a failed write. */
  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  #startTurn(): Turn {
    const turn: Turn = {
      waiters: [],
      writes: [],
      sealedAtMs: 0,
      watchdog: undefined,
      flushed: false,
    };
    this.#clock.soon(() => this.#seal(turn));
    return turn;
  }

  #seal(turn: Turn): void {
    if (this.#open !== turn) return;
    this.#open = undefined;
    turn.writes = this.#overlay.takeTurn();
    turn.sealedAtMs = this.#clock.mono();
    turn.watchdog = watchDisk(this.#clock, (error) => this.#fail(error));
    this.#underWay.push(turn);
    this.#commit(turn);
  }

  #commit(turn: Turn): void {
    const failed = (cause: unknown): void => void this.#fail(cause);
    try {
      const { committed, flushed } = this.#disk.commit(turn.writes);
      committed.then(() => this.#overlay.forget(turn.writes), failed);
      flushed.then(() => this.#finish(turn), failed);
    } catch (cause) {
      failed(cause);
    }
  }

  /** Resolves the waiters of every flushed transaction at the front, so that turns are acknowledged in order. */
  #finish(turn: Turn): void {
    turn.flushed = true;
    turn.watchdog?.cancel();
    this.#flushes += 1;
    this.#flushMs = this.#clock.mono() - turn.sealedAtMs;
    this.#onFlush?.(this.#flushMs);
    while (this.#underWay[0]?.flushed === true)
      for (const waiter of this.#underWay.shift()?.waiters ?? []) waiter.resolve();
  }

  /** @returns the error that everybody gets from now on */
  #fail(cause: unknown): FastChatError {
    if (this.#state.at === 'ended' && this.#open === undefined && this.#underWay.length === 0)
      return this.#state.error;
    const error = diskFailure(cause);
    this.#state = { at: 'ended', error };
    const turns = this.#abandonTurns();
    for (const turn of turns) for (const waiter of turn.waiters) waiter.reject(error);
    this.#onFailure(error);
    return error;
  }

  #abandonTurns(): Turn[] {
    const turns = this.#underWay.splice(0);
    if (this.#open !== undefined) turns.push(this.#open);
    this.#open = undefined;
    for (const turn of turns) turn.watchdog?.cancel();
    return turns;
  }
}

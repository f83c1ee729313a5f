/** The shard store over any environment: what production and simulation share. See ShardStore for the guarantees. */
import type { Clock } from '../ops/clock.ts';
import type { ShardId } from '../protocol/ids.ts';
import { FULL_INSTALL_BYTES_MAX, STORE_RANGE_MAX } from '../protocol/limits.ts';
import { addsData, checkCommitSize, measureWrites, moved, storeFull } from './commit-checks.ts';
import type { Environment } from './environment.ts';
import { FreeSpaceWatch } from './free-space.ts';
import type { DiskSpace, SpaceLimits } from './free-space.ts';
import { MetaRecords } from './meta-records.ts';
import { dataArea } from './physical-keys.ts';
import { deltaSince, isPresent, snapshotPageOf } from './shard-copy.ts';
import { dropShard } from './shard-drop.ts';
import {
  clearJournal,
  epochOf,
  recordCommit,
  trimJournal,
  undoCommitsAfter,
} from './shard-journal.ts';
import { markPartial, raisePromise, writeHead } from './shard-state.ts';
import type { ShardState } from './shard-state.ts';
import { ShardStates } from './shard-states.ts';
import type {
  CommitPlace,
  Delta,
  ShardHead,
  ShardStore,
  SnapshotPage,
  Standing,
  StoreKey,
  StoreStats,
  Write,
} from './shard-store.ts';

export interface ShardStoreOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly limits: SpaceLimits;
  readonly space: () => DiskSpace;
  /** The oldest commit after which the journal must stay whole, while a hand-over runs. */
  readonly journalFloor?: (shard: ShardId) => number | undefined;
  /** A planted bug, for the simulator's own tests: takes writes of fenced epochs. */
  readonly ignoreEpoch?: boolean;
}

const NO_FLOOR = (): undefined => undefined;

/** Opens the store on an open environment, and finishes drops that a crash interrupted. @throws E_IO */
export async function openShardStore(options: ShardStoreOptions): Promise<ShardStore> {
  const store = new EnvironmentShardStore(options);
  try {
    await store.resumeDrops();
    return store;
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

class EnvironmentShardStore implements ShardStore {
  readonly #environment: Environment;
  readonly #states: ShardStates;
  readonly #drops = new Map<ShardId, Promise<void>>();
  readonly #meta: MetaRecords;
  readonly #space: FreeSpaceWatch;
  readonly #journalFloor: (shard: ShardId) => number | undefined;
  readonly #ignoreEpoch: boolean;
  #commits = 0;

  constructor(options: ShardStoreOptions) {
    this.#environment = options.environment;
    this.#states = new ShardStates(options.environment);
    this.#meta = new MetaRecords(options.environment);
    this.#space = new FreeSpaceWatch(options);
    this.#journalFloor = options.journalFloor ?? NO_FLOOR;
    this.#ignoreEpoch = options.ignoreEpoch ?? false;
  }

  commit(shard: ShardId, epoch: number, writes: readonly Write[]): Promise<number> {
    return this.#flushedAfter(() => this.write(shard, epoch, writes));
  }

  write(shard: ShardId, epoch: number, writes: readonly Write[]): number {
    const state = this.#writable(shard, epoch);
    return this.#apply(state, { epoch, seq: state.head.seq + 1 }, writes);
  }

  append(shard: ShardId, place: CommitPlace, writes: readonly Write[]): void {
    const state = this.#writable(shard, place.epoch);
    if (isPresent(this.#environment, state, place)) return;
    this.#apply(state, { epoch: place.epoch, seq: place.seq }, writes);
  }

  get(shard: ShardId, key: StoreKey): Uint8Array | undefined {
    return this.#states.isShown(shard) ? this.#environment.get(dataArea(shard), key) : undefined;
  }

  range(
    shard: ShardId,
    from: StoreKey,
    to: StoreKey,
    options: { readonly limit?: number; readonly reverse?: boolean } = {},
  ): ReadonlyArray<readonly [key: StoreKey, value: Uint8Array]> {
    if (!this.#states.isShown(shard)) return [];
    const limit = Math.min(options.limit ?? STORE_RANGE_MAX, STORE_RANGE_MAX);
    const reverse = options.reverse ?? false;
    return this.#environment.range({ area: dataArea(shard), from, to }, { limit, reverse });
  }

  flushed(): Promise<void> {
    return this.#environment.flushed(undefined);
  }

  fence(shard: ShardId, epoch: number): Promise<ShardHead> {
    return this.#flushedAfter(() => {
      const state = this.#states.of(shard);
      if (epoch < state.promised)
        throw moved(`shard ${shard} is promised to epoch ${state.promised}, not ${epoch}`);
      raisePromise(this.#environment, state, epoch);
      return state.head;
    });
  }

  head(shard: ShardId): ShardHead {
    return this.#states.of(shard).head;
  }

  promised(shard: ShardId): number {
    return this.#states.of(shard).promised;
  }

  standing(shard: ShardId): Standing {
    return this.#states.of(shard).standing;
  }

  floor(shard: ShardId): ShardHead | undefined {
    return this.#states.of(shard).floor;
  }

  epochAt(shard: ShardId, seq: number): number | undefined {
    return epochOf(this.#environment, this.#states.of(shard), seq);
  }

  snapshotPage(shard: ShardId, from: StoreKey | undefined, limit: number): SnapshotPage {
    if (!this.#states.isShown(shard)) return { writes: [], next: undefined };
    return snapshotPageOf(this.#environment, shard, from, limit);
  }

  since(shard: ShardId, seq: number): Delta | undefined {
    const state = this.#states.of(shard);
    return state.standing === 'whole' ? deltaSince(this.#environment, state, seq) : undefined;
  }

  markPartial(shard: ShardId, floor?: ShardHead): Promise<void> {
    return this.#flushedAfter(() =>
      markPartial(this.#environment, this.#states.present(shard), floor),
    );
  }

  installPart(shard: ShardId, writes: readonly Write[]): Promise<void> {
    return this.#flushedAfter(() => {
      const state = this.#states.of(shard);
      if (state.standing !== 'partial') throw moved(`no copy of shard ${shard} is made here`);
      this.#checkInstall(writes);
      this.#write(shard, writes);
    });
  }

  install(shard: ShardId, head: ShardHead, writes: readonly Write[]): Promise<void> {
    return this.#flushedAfter(() => {
      const state = this.#states.present(shard);
      this.#checkInstall(writes);
      raisePromise(this.#environment, state, head.epoch);
      clearJournal(this.#environment, state);
      this.#write(shard, writes);
      state.journalBase = head;
      this.#moveHead(state, head);
    });
  }

  rollBack(shard: ShardId, seq: number): Promise<boolean> {
    return this.#flushedAfter(() => {
      const state = this.#states.writable(shard);
      if (seq < state.journalBase.seq || seq > state.head.seq) return false;
      undoCommitsAfter(this.#environment, state, seq);
      this.#moveHead(state, state.head);
      return true;
    });
  }

  drop(shard: ShardId, floor?: ShardHead): Promise<void> {
    const running = this.#drops.get(shard);
    if (running !== undefined) return running;
    const drop = dropShard(this.#environment, this.#states.of(shard), floor).finally(() =>
      this.#drops.delete(shard),
    );
    this.#drops.set(shard, drop);
    return drop;
  }

  distrustCopies(isElsewhere: (shard: ShardId) => boolean): Promise<void> {
    return this.#flushedAfter(() => {
      for (const state of this.#states.in('whole', 'partial'))
        if (isElsewhere(state.shard)) markPartial(this.#environment, state, undefined);
    });
  }

  shards(): readonly ShardId[] {
    return this.#states.in('whole', 'partial').map(({ shard }) => shard);
  }

  putMeta(name: string, value: Uint8Array): Promise<void> {
    return this.#flushedAfter(() => this.#meta.put(name, value));
  }

  getMeta(name: string): Uint8Array | undefined {
    return this.#meta.get(name);
  }

  stats(): StoreStats {
    const { flushes, flushMs, bytesWritten } = this.#environment.stats();
    const full = this.#space.isFull(bytesWritten);
    return { commits: this.#commits, flushes, flushMs, freeBytes: this.#space.freeBytes, full };
  }

  async close(): Promise<void> {
    this.#space.stop();
    await Promise.allSettled(this.#drops.values());
    await this.#environment.close();
  }

  /** Finishes the drops that a crash interrupted, so that nothing of them is ever taken for data. */
  async resumeDrops(): Promise<void> {
    for (const { shard, floor } of this.#states.in('dropping')) await this.drop(shard, floor);
  }

  /** Runs `change` now and answers its result when it is on the disk; one promise, whatever happens. */
  #flushedAfter<T>(change: () => T): Promise<T> {
    try {
      return this.#environment.flushed(change());
    } catch (cause) {
      return Promise.reject(cause);
    }
  }

  #apply(state: ShardState, head: ShardHead, writes: readonly Write[]): number {
    checkCommitSize(writes);
    this.#refuseWhenFull(writes);
    raisePromise(this.#environment, state, head.epoch);
    recordCommit(this.#environment, state, head, writes);
    this.#write(state.shard, writes);
    state.head = head;
    trimJournal(this.#environment, state, this.#journalFloor);
    this.#moveHead(state, head);
    this.#commits += 1;
    return head.seq;
  }

  #write(shard: ShardId, writes: readonly Write[]): void {
    const area = dataArea(shard);
    for (const { key, value } of writes) this.#environment.write(area, key, value);
  }

  #moveHead(state: ShardState, head: ShardHead): void {
    state.head = head;
    state.standing = 'whole';
    state.floor = undefined;
    writeHead(this.#environment, state);
  }

  #checkInstall(writes: readonly Write[]): void {
    if (measureWrites(writes) > FULL_INSTALL_BYTES_MAX) this.#refuseWhenFull(writes);
  }

  #refuseWhenFull(writes: readonly Write[]): void {
    if (this.#space.isFull(this.#environment.stats().bytesWritten) && addsData(writes))
      throw storeFull();
  }

  #writable(shard: ShardId, epoch: number): ShardState {
    const state = this.#states.writable(shard);
    if (epoch < state.promised && !this.#ignoreEpoch)
      throw moved(`shard ${shard} is promised to epoch ${state.promised}, not ${epoch}`);
    return state;
  }
}

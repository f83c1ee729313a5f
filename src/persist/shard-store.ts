/**
 * The only writer of server state. One append-only sequence of commits per shard; each commit is a list of physical key
 * writes with the shard's next sequence number, one journal record beside it, all in one transaction.
 *
 * S1  A commit resolves when it is flushed to disk, in sequence order within its shard, never before.
 * S2  A commit or append of an epoch older than the promised one is refused with E_MOVED and changes nothing.
 * S3  The promise of an epoch (`fence`) is durable before it resolves.
 * S4  Writes of one commit are visible together or not at all, also after a crash.
 * S5  `append` is idempotent by (epoch, seq): a repeated one changes nothing; a gap, or a predecessor of another epoch,
 *     is refused.
 * S6  The first failed transaction ends the store: every later call is refused, `onFailure` is told once.
 * S7  A copy that is made page by page is `partial` on the disk until its last page is: nothing of it is shown. What it
 *     forgets with that is told by its `floor`.
 *
 * Reads show every commit made, flushed or not. A reader that acts on what it reads waits until it is acknowledged
 * first (activation does), or reads only below what it saw acknowledged (pulls do).
 */
import type { ShardId } from '../protocol/ids.ts';

/** A key within a shard: bytes in lexicographic order, at most STORE_KEY_BYTES_MAX. */
export type StoreKey = Uint8Array;

/** `value` undefined removes the key. A value is at most STORE_VALUE_BYTES_MAX bytes (`chunks.ts` splits longer ones). */
export interface Write {
  readonly key: StoreKey;
  readonly value: Uint8Array | undefined;
  /** Nothing is under the key, so the journal need not look for what a roll-back would put back there. */
  readonly isNew?: boolean | undefined;
}

/** The newest commit of a shard here and the epoch it was made in; {0, 0} for a shard never written. */
export interface ShardHead {
  readonly epoch: number;
  readonly seq: number;
}

/** Where a replica puts a commit of the owner; `before` is the epoch of the commit that precedes it. */
export interface CommitPlace extends ShardHead {
  readonly before: number;
}

/**
 * `whole`: a prefix of the shard's log. `partial`: a copy under way or not to be trusted. `dropping`: being removed.
 * `absent`: nothing, or forgotten. Only a whole copy may be served, counted or adopted.
 */
export type Standing = 'absent' | 'whole' | 'partial' | 'dropping';

/** What changed after a sequence number: the current values of the keys touched since (undefined: removed). */
export interface Delta {
  readonly head: ShardHead;
  readonly writes: readonly Write[];
}

/** One page of a shard's keys in order; `next` is undefined at the end. */
export interface SnapshotPage {
  readonly writes: readonly Write[];
  readonly next: StoreKey | undefined;
}

export interface ShardStore {
  /** @returns the shard's new sequence number. @throws E_MOVED (fenced), E_STORE_FULL, E_IO, E_TOO_LARGE */
  commit(shard: ShardId, epoch: number, writes: readonly Write[]): Promise<number>;
  /** As `commit`, for those who await many at once by `flushed`. @throws what `commit` rejects with */
  write(shard: ShardId, epoch: number, writes: readonly Write[]): number;
  /** A copy of the value. */
  get(shard: ShardId, key: StoreKey): Uint8Array | undefined;
  /** Key order, `from` inclusive, `to` exclusive, at most `limit` (and STORE_RANGE_MAX) pairs; `reverse` starts at the end. */
  range(
    shard: ShardId,
    from: StoreKey,
    to: StoreKey,
    options?: { readonly limit?: number; readonly reverse?: boolean },
  ): ReadonlyArray<readonly [key: StoreKey, value: Uint8Array]>;
  /** Resolves when everything done so far, to any shard, is flushed. */
  flushed(): Promise<void>;
  /** Promises durably to refuse epochs older than `epoch`; answers the head. Lowering a promise is refused with E_MOVED. */
  fence(shard: ShardId, epoch: number): Promise<ShardHead>;
  head(shard: ShardId): ShardHead;
  promised(shard: ShardId): number;
  standing(shard: ShardId): Standing;
  /** Of a copy that is not whole: a log that reaches it has whatever this one acknowledged; undefined: none is known to. */
  floor(shard: ShardId): ShardHead | undefined;
  /** A replica's write of the owner's commit; `flushed` tells when it is durable. @throws E_MOVED (S2, S5, not whole) */
  append(shard: ShardId, place: CommitPlace, writes: readonly Write[]): void;
  /** A page of the whole shard in key order, for a replica that starts from nothing. */
  snapshotPage(shard: ShardId, from: StoreKey | undefined, limit: number): SnapshotPage;
  /** What changed after `seq`, from the journal; undefined when the journal no longer reaches back that far. */
  since(shard: ShardId, seq: number): Delta | undefined;
  /** The epoch in which commit `seq` was made; undefined when it is beyond the head or before the journal. */
  epochAt(shard: ShardId, seq: number): number | undefined;
  /** Undoes the commits after `seq` by the journal (I4). Resolves to false, changing nothing, when it reaches not that far. */
  rollBack(shard: ShardId, seq: number): Promise<boolean>;
  /** From now on the copy counts for nothing but its `floor` (S7), until an `install` makes it whole. */
  markPartial(shard: ShardId, floor?: ShardHead): Promise<void>;
  /** Adds writes to a partial copy. @throws E_MOVED when it is not partial */
  installPart(shard: ShardId, writes: readonly Write[]): Promise<void>;
  /**
   * Installs a delta, or the last writes of a partial copy, and sets the head, in one transaction; resolves when flushed.
   * The copy is whole from then on, its journal starts anew after `head`. Install removes nothing by itself.
   */
  install(shard: ShardId, head: ShardHead, writes: readonly Write[]): Promise<void>;
  /**
   * Removes the shard's data, journal and head in slices; its promise stays. With a `floor` an empty partial copy is left,
   * which has it from the first turn on; a drop that is under way goes on with its own.
   */
  drop(shard: ShardId, floor?: ShardHead): Promise<void>;
  /**
   * The directory was put back to an older state: the copies of shards that `isElsewhere` are no longer whole and have no
   * floor, so that they are synced anew. A shard with no other copy has nothing to be synced from.
   */
  distrustCopies(isElsewhere: (shard: ShardId) => boolean): Promise<void>;
  /** Shards with any data here, whole or not. */
  shards(): readonly ShardId[];
  /** Node-level records outside any shard: the last shard map, the boot counter. Durable when resolved. */
  putMeta(name: string, value: Uint8Array): Promise<void>;
  getMeta(name: string): Uint8Array | undefined;
  stats(): StoreStats;
  /** Waits for pending commits, then closes. */
  close(): Promise<void>;
}

export interface StoreStats {
  readonly commits: number;
  readonly flushes: number;
  /** Time of the last flush, in milliseconds. */
  readonly flushMs: number;
  readonly freeBytes: number;
  readonly full: boolean;
}

/**
 * Payloads of the mesh service `replica`: what an owner asks of the other replicas. Every request names the epoch in which
 * the asker owns the shard, and a replica that has promised a later one refuses it (I1).
 */
import type { Standing, Write } from '../../persist/shard-store.ts';
import { encodeRaw } from '../../protocol/codec.ts';
import {
  COMMIT_WRITES_MAX,
  EPOCH_RUNS_MAX,
  REPLICA_BATCH_COMMITS_MAX,
  REPLICA_PAGE_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_RANGE_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../../protocol/limits.ts';
import type { ShardId } from '../../protocol/ids.ts';
import {
  bool,
  bytes,
  list,
  oneOf,
  optional,
  shardId,
  struct,
  u53,
  union,
} from '../../protocol/schema.ts';
import type { Infer, Type } from '../../protocol/schema.ts';
import { shardAssignment } from '../members.ts';

export const shardHead = struct({ epoch: u53, seq: u53 });
const write = struct({
  key: bytes(0, STORE_KEY_BYTES_MAX),
  value: optional(bytes(0, STORE_VALUE_BYTES_MAX)),
});
const writes = list(write, COMMIT_WRITES_MAX);
const standing: Type<Standing> = oneOf('absent', 'whole', 'partial', 'dropping');
const DIGEST_BYTES = 32;

/** A write of a commit: the owner also says when nothing can be under the key, so that no replica looks. */
const committedWrite = struct({
  key: bytes(0, STORE_KEY_BYTES_MAX),
  value: optional(bytes(0, STORE_VALUE_BYTES_MAX)),
  isNew: optional(bool),
});
const committedWrites = list(committedWrite, COMMIT_WRITES_MAX);

/** One commit of the owner; `before` is the epoch of the commit that precedes it. */
const commit = struct({
  shard: shardId,
  epoch: u53,
  seq: u53,
  before: u53,
  writes: committedWrites,
});

const APPEND = 1;

export const replicaRequest = union({
  /** Commits in order, of any shards. Answered when flushed. */
  append: [APPEND, struct({ commits: list(commit, REPLICA_BATCH_COMMITS_MAX) })],
  /** Promise `epoch`, and tell what is there. */
  status: [2, struct({ shard: shardId, epoch: u53 })],
  /** Undo the commits after `to`, if the head is `from`. */
  rollBack: [3, struct({ shard: shardId, epoch: u53, from: shardHead, to: u53 })],
  /** What changed after `from`, in one transaction; the head is `head` then. */
  install: [4, struct({ shard: shardId, epoch: u53, from: shardHead, head: shardHead, writes })],
  /** A copy comes in pages: from nothing, or on top of what is there up to `from`. `floor`: what is acknowledged by now. */
  beginCopy: [
    5,
    struct({
      shard: shardId,
      epoch: u53,
      attempt: u53,
      from: optional(shardHead),
      floor: shardHead,
    }),
  ],
  /** One page; with its `head` the copy is whole. */
  page: [
    6,
    struct({ shard: shardId, epoch: u53, attempt: u53, head: optional(shardHead), writes }),
  ],
  /** A digest of the copy, if its head is `head` all the while. */
  digest: [7, struct({ shard: shardId, epoch: u53, head: shardHead })],
  /** Asked of the owner: is the shard served in `epoch` or later, and not copied to the asker? */
  held: [8, struct({ shard: shardId, epoch: u53 })],
});
export type ReplicaRequest = Infer<typeof replicaRequest>;
export type RequestOfType<T extends ReplicaRequest['type']> = Extract<
  ReplicaRequest,
  { readonly type: T }
>;

/** Shards whose commits were not taken: `promised` above their epoch means fenced, anything else a gap. */
export const appendReply = struct({
  refused: list(struct({ shard: shardId, promised: u53 }), REPLICA_BATCH_COMMITS_MAX),
});

export const statusReply = struct({
  promised: u53,
  standing,
  head: shardHead,
  floor: optional(shardHead),
  runs: list(struct({ epoch: u53, from: u53 }), EPOCH_RUNS_MAX),
});

/** The answer to everything that changes a copy: whether it did, and what is promised now. */
export const doneReply = struct({ done: bool, promised: u53 });
export type DoneReply = Infer<typeof doneReply>;

export const digestReply = struct({ digest: optional(bytes(DIGEST_BYTES)) });
export const heldReply = struct({ held: bool });

/** Tells the new owner of its shard at once; the map's announcement says the same later. */
export const granted = struct({ shard: shardId, assignment: shardAssignment });

/** One commit as it stands in an `append`: packed once for all replicas. */
export type PackedCommit = readonly unknown[];

// oxlint-disable-next-line max-params -- the hot path: no object per commit
export function packCommit(
  shard: ShardId,
  epoch: number,
  seq: number,
  before: number,
  changes: readonly Write[],
): PackedCommit {
  const packed = changes.map(({ key, value, isNew }) => [key, value ?? null, isNew ?? null]);
  return [shard, epoch, seq, before, packed];
}

export function encodeAppend(commits: readonly PackedCommit[]): Uint8Array {
  return encodeRaw([APPEND, commits]);
}

/** Encodes what replicas get in one turn: mostly all of them the same, and then once. */
export class AppendEncoder {
  #commits: readonly PackedCommit[] = [];
  #payload: Uint8Array | undefined;

  encode(commits: readonly PackedCommit[]): Uint8Array {
    const before = this.#commits;
    const isSame =
      commits.length === before.length && commits.every((commit, at) => commit === before[at]);
    if (this.#payload === undefined || !isSame) this.#payload = encodeAppend(commits);
    this.#commits = commits;
    return this.#payload;
  }
}

/** Keys and values in bytes, with what stands around them. */
export function sizeOf(changes: readonly Write[]): number {
  let total = 0;
  for (const { key, value } of changes)
    total += WRITE_OVERHEAD_BYTES + key.length + (value?.length ?? 0);
  return total;
}

const WRITE_OVERHEAD_BYTES = 8;

/** Cuts writes into pages of at most STORE_RANGE_MAX writes and REPLICA_PAGE_BYTES_MAX bytes; at least one. */
export function paginate(changes: readonly Write[]): ReadonlyArray<readonly Write[]> {
  const pages: Write[][] = [[]];
  let pageBytes = 0;
  for (const change of changes) {
    const size = sizeOf([change]);
    const page = pages.at(-1) ?? [];
    const isFull = page.length >= STORE_RANGE_MAX || pageBytes + size > REPLICA_PAGE_BYTES_MAX;
    if (isFull && page.length > 0) {
      pages.push([change]);
      pageBytes = size;
    } else {
      page.push(change);
      pageBytes += size;
    }
  }
  return pages;
}

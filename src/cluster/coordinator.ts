/**
 * Keeps the members and the shard map, changed only by compare-and-swap. Implementations: `embedded-coordinator.ts` (the first
 * node, in its own store; the others reach it over the mesh), `etcd/etcd-coordinator.ts`, `memory-coordinator.ts` (simulation).
 *
 * C1  A map once read is never followed by an older one (`version` grows).
 * C2  Of two swaps with the same expectation exactly one succeeds; a shard's epoch only grows.
 * C3  What a swap answered survives a crash of the coordinator.
 * C4  Every watcher learns of every change eventually; it may skip intermediate versions.
 * C5  A lease ends LEASE_TTL_MS after its last renewal arrived, or when it is given up: later than its holder believes in it.
 *     A silence or a restart of the coordinator ends no lease.
 */
import type { NodeId, ShardId } from '../protocol/ids.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import type { StoreClaim, StoreVerdict } from './store-tokens.ts';

/** That this node lives, as the coordinator knows it. */
export interface Lease {
  /**
   * Until when the lease surely holds, on this node's monotonic clock: when the last granted renewal was SENT plus
   * LEASE_TTL_MS. Before the first grant and after the end: 0.
   */
  readonly validUntilMs: number;
  /** Gives it up at once, for a node that serves nothing any more. Never rejects. */
  end(): Promise<void>;
  /** Gives it up at once, until `resume`. Never rejects. */
  rest(): Promise<void>;
  resume(): void;
}

export interface Coordinator {
  /** Adds a member or replaces its addresses; the first one gets every shard. @throws E_NAME_TAKEN (another key has the name) */
  join(member: Member): Promise<ClusterView>;
  /** Removes a member that owns nothing. @throws E_USAGE while it owns shards */
  leave(node: NodeId): Promise<void>;
  /** The present view. @throws E_UNREACHABLE while the coordinator cannot be asked */
  view(): Promise<ClusterView>;
  /**
   * Sets one shard if its epoch is still `expectedEpoch`; answers what holds afterwards.
   * @throws E_UNREACHABLE, E_TIMEOUT: it may have happened or may still happen; another swap from the same epoch settles it
   */
  swap(
    shard: ShardId,
    expectedEpoch: number,
    next: ShardAssignment,
  ): Promise<{ readonly swapped: boolean; readonly current: ShardAssignment }>;
  /** Judges the store of `node` by what was seen last, and records it if it is known (`store-tokens.ts`). */
  recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict>;
  /** Begins the lease of `node`, once per process; renewed until ended or until the coordinator is closed. */
  lease(node: NodeId): Lease;
  /** Members with a lease, as last heard from the coordinator; undefined before. While it is silent nobody leaves the set. */
  live(): ReadonlySet<NodeId> | undefined;
  /** Tells of every new view, and of every change of `live()`, until cancelled. */
  watch(
    onView: (view: ClusterView) => void,
    onLive?: (live: ReadonlySet<NodeId>) => void,
  ): { cancel(): void };
  close(): Promise<void>;
}

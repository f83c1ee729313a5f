/**
 * Keeps the members and the shard map, changed only by compare-and-swap. Implementations: `embedded-coordinator.ts` (the first
 * node, in its own store; the others reach it over the mesh), `memory-coordinator.ts` (simulation); later etcd.
 *
 * C1  A map once read is never followed by an older one (`version` grows).
 * C2  Of two swaps with the same expectation exactly one succeeds; a shard's epoch only grows.
 * C3  What a swap answered survives a crash of the coordinator.
 * C4  Every watcher learns of every change eventually; it may skip intermediate versions.
 */
import type { NodeId, ShardId } from '../protocol/ids.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';

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
  /** Tells of every new view until cancelled. */
  watch(onView: (view: ClusterView) => void): { cancel(): void };
  close(): Promise<void>;
}

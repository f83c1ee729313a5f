/** What this node can do with the replica sets of shards, and what it knows of them; nothing here ever rejects. */
import type { NodeId, ShardId } from '../../protocol/ids.ts';

/** `streaming`: gets every commit as it is made. `catching-up`: gets what it lacks. `silent`: does not answer. */
export type ReplicaState = 'streaming' | 'catching-up' | 'silent';

/** One other member of a replica set, or a node that is about to become one, as the owner sees it. */
export interface ReplicaStatus {
  readonly node: NodeId;
  readonly state: ReplicaState;
  /** The newest commit that it is known to have flushed, as a prefix of the owner's log. */
  readonly flushed: number;
}

export interface ReplicationStatus {
  /** `owner` only while the shard is served here. */
  readonly role: 'owner' | 'replica' | 'none';
  /** Of the assignment known here. */
  readonly epoch: number;
  /** The newest acknowledged commit (I2); at a replica, the newest one that is here. */
  readonly acknowledged: number;
  /** Known at the owner only. */
  readonly replicas: readonly ReplicaStatus[];
}

export interface ReplicaSets {
  /** At a replica: become the owner (I3). False when somebody else has the shard now, or too few replicas answer. */
  takeOver(shard: ShardId): Promise<boolean>;
  /** At the owner: copy the shard to `node`, then make it a member. False when it could not catch up or the map changed. */
  addReplica(shard: ShardId, node: NodeId): Promise<boolean>;
  /** At the owner: go on without `node`. False while those who stay do not have everything. */
  removeReplica(shard: ShardId, node: NodeId): Promise<boolean>;
  /** At the owner: hand the ownership to another member. False when it stays (and is served again). */
  transfer(shard: ShardId, to: NodeId): Promise<boolean>;
  replication(shard: ShardId): ReplicationStatus;
}

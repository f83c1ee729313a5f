/** Which shard an address belongs to: the same on every node and in every version, because data lies where it points. */
import type { Address, NodeId, ShardId } from '../protocol/ids.ts';
import type { ShardAssignment } from './members.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * FNV-1a (32 bit) of the address, modulo `shards`. Addresses are ASCII, so a character is a byte.
 * Pure and stable: changing it would orphan every mailbox.
 */
export function shardOf(address: Address, shards: number): ShardId {
  let hash = FNV_OFFSET;
  for (let index = 0; index < address.length; index += 1)
    hash = Math.imul(hash ^ address.charCodeAt(index), FNV_PRIME);
  return ((hash >>> 0) % shards) as ShardId;
}

/** The number of every shard of a cluster, in order. */
export function allShards(shards: number): readonly ShardId[] {
  return Array.from({ length: shards }, (_, index) => index as ShardId);
}

/** The assignments of a new cluster: all to its first member, in epoch 1. */
export function freshShards(owner: NodeId, shards: number): readonly ShardAssignment[] {
  return allShards(shards).map(() => ({ epoch: 1, owner, replicas: [owner] }));
}

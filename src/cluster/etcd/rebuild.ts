/**
 * All of etcd was lost, with the map in it: writes the last map that a node knows into an etcd that has none. Every
 * epoch is raised far beyond what anybody can have promised since, and the version beyond what anybody can have seen, so
 * every node takes the new map for the newer one. What was acknowledged is in the stores of the nodes; a take-over finds
 * it there (I3).
 */
import { encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import {
  ETCD_TRANSACTION_WRITES_MAX,
  REBUILD_EPOCH_STEP,
  REBUILD_VERSION_STEP,
} from '../../protocol/limits.ts';
import type { ShardId } from '../../protocol/ids.ts';
import { member as memberRecord, shardAssignment } from '../members.ts';
import type { ClusterView, ShardAssignment } from '../members.ts';
import { transact } from './client.ts';
import type { Condition, Write } from './client.ts';
import type { EtcdGateway } from './gateway.ts';
import { clusterRecord } from './keys.ts';
import type { EtcdKeys } from './keys.ts';

export interface RebuildOptions {
  readonly gateway: EtcdGateway;
  readonly keys: EtcdKeys;
  readonly clusterId: Uint8Array;
  readonly view: ClusterView;
  /** Names this attempt: of two at the same time the later one goes on alone. */
  readonly attempt: Uint8Array;
}

function raised(assignment: ShardAssignment): ShardAssignment {
  return { ...assignment, epoch: assignment.epoch + REBUILD_EPOCH_STEP };
}

function contentOf(keys: EtcdKeys, { members, map }: ClusterView): readonly Write[] {
  return [
    ...members.map((member) => ({
      key: keys.member(member.node),
      value: encode(memberRecord, member),
    })),
    ...map.shards.map((assignment, shard) => ({
      key: keys.shard(shard as ShardId),
      value: encode(shardAssignment, raised(assignment)),
    })),
  ];
}

/**
 * Nothing is seen of it before the last write, and it can be done again from the beginning after any of them.
 * @throws E_USAGE (there is a map already, or this node knows none), E_UNREACHABLE, E_TIMEOUT
 */
export async function rebuildMap(options: RebuildOptions): Promise<void> {
  const { gateway, keys, view, clusterId, attempt } = options;
  const first = view.map.shards[0]?.owner;
  if (first === undefined)
    throw new FastChatError('E_USAGE', 'this node knows no map that could be written');
  const isEmpty: Condition = { key: keys.cluster, exists: false };
  const isOurs: Condition = { key: keys.rebuilding, holds: attempt };
  const write = async (
    conditions: readonly Condition[],
    writes: readonly Write[],
  ): Promise<void> => {
    if (await transact(gateway, conditions, writes)) return;
    throw new FastChatError(
      'E_USAGE',
      `etcd has a map of a cluster under ${keys.prefix}, or somebody else rebuilds it: it is never written over`,
    );
  };
  await write([isEmpty], [{ key: keys.rebuilding, value: attempt }]);
  const leftOvers = (['member/', 'shard/', 'store/'] as const).map((folder) => ({
    removeRange: keys.under(folder),
  }));
  await write([isEmpty, isOurs], leftOvers);
  const content = contentOf(keys, view);
  for (let at = 0; at < content.length; at += ETCD_TRANSACTION_WRITES_MAX)
    await write([isEmpty, isOurs], content.slice(at, at + ETCD_TRANSACTION_WRITES_MAX));
  const record = {
    clusterId,
    shards: view.map.shards.length,
    first,
    base: view.map.version + REBUILD_VERSION_STEP,
  };
  await write(
    [isEmpty, isOurs],
    [
      { key: keys.cluster, value: encode(clusterRecord, record) },
      { key: keys.changed, value: new Uint8Array(1) },
      { remove: keys.rebuilding },
    ],
  );
}

/** Who is in the cluster and who owns which shard, as every node and the coordinator exchange it. */
import { MEMBERS_MAX, REPLICAS_MAX, SHARDS_MAX } from '../protocol/limits.ts';
import { bytes, list, nodeId, struct, text, u16, u53 } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';

/** A node as the others need it. */
export const member = struct({
  node: nodeId,
  /** `tcp://host:port` of its mesh socket. */
  meshEndpoint: text(255),
  curveKey: bytes(32),
  gateHost: text(255),
  gatePort: u16,
});
export type Member = Infer<typeof member>;

export const memberList = list(member, MEMBERS_MAX);

/** Who holds a shard, in one epoch. `epoch` 0: never assigned. */
export const shardAssignment = struct({
  epoch: u53,
  owner: nodeId,
  replicas: list(nodeId, REPLICAS_MAX),
});
export type ShardAssignment = Infer<typeof shardAssignment>;

/** The whole map; index = shard number. `version` grows with every change of the map or of the members. */
export const shardMap = struct({ version: u53, shards: list(shardAssignment, SHARDS_MAX) });
export type ShardMap = Infer<typeof shardMap>;

export const clusterView = struct({ members: memberList, map: shardMap });
export type ClusterView = Infer<typeof clusterView>;

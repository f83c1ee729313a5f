/** What a node gets that joins. */
import { CLUSTER_KEYS_BYTES_MAX } from '../protocol/limits.ts';
import { bytes, nodeId, optional, struct } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';
import { clusterView } from './members.ts';

export const joinGrant = struct({
  clusterId: bytes(16),
  /** TLS, ticket and login keys of the cluster; only `src/node` knows what is in there. */
  keys: bytes(0, CLUSTER_KEYS_BYTES_MAX),
  /** With the new member in it. */
  view: clusterView,
  /** The node that keeps the embedded coordinator; undefined: another kind of coordinator. */
  coordinator: optional(nodeId),
});
export type JoinGrant = Infer<typeof joinGrant>;

/** Payloads of the mesh service `coordinator`: `[tag, 0, ...fields]` asks, the reply's fields answer. */
import { call, callTable } from '../protocol/calls.ts';
import { bool, nodeId, shardId, struct, u53 } from '../protocol/schema.ts';
import { clusterView, member, shardAssignment } from './members.ts';

const none = struct({});
const viewReply = struct({ view: clusterView });

export const coordinatorCalls = callTable({
  join: call(1, struct({ member }), viewReply),
  leave: call(2, struct({ node: nodeId }), none),
  view: call(3, none, viewReply),
  swap: call(
    4,
    struct({ shard: shardId, expectedEpoch: u53, next: shardAssignment }),
    struct({ swapped: bool, current: shardAssignment }),
  ),
  /** As `view`; every later view is announced to the asker, by tells. */
  watch: call(5, none, viewReply),
});

/** A tell from the coordinator's node to those who watch. */
export const viewAnnounced = struct({ view: clusterView });

/** Payloads of the mesh service `coordinator`: `[tag, 0, ...fields]` asks, the reply's fields answer. */
import { call, callTable } from '../protocol/calls.ts';
import { MEMBERS_MAX } from '../protocol/limits.ts';
import { bool, list, nodeId, shardId, struct, u53 } from '../protocol/schema.ts';
import { clusterView, member, shardAssignment } from './members.ts';
import { storeClaim, storeVerdict } from './store-tokens.ts';

const none = struct({});
const viewReply = struct({ view: clusterView });
/** Members that hold a lease. */
const live = list(nodeId, MEMBERS_MAX);

export const coordinatorCalls = callTable({
  join: call(1, struct({ member }), viewReply),
  leave: call(2, struct({ node: nodeId }), none),
  view: call(3, none, viewReply),
  swap: call(
    4,
    struct({ shard: shardId, expectedEpoch: u53, next: shardAssignment }),
    struct({ swapped: bool, current: shardAssignment }),
  ),
  /** As `view`; every later change is announced to the asker, by tells. */
  watch: call(5, none, struct({ view: clusterView, live })),
  /** The lease of the asker. */
  renew: call(6, none, struct({ live })),
  endLease: call(7, none, none),
  /** The store of the asker. */
  recognise: call(8, struct({ claim: storeClaim }), storeVerdict),
});

/** A tell from the coordinator's node to those who watch. */
export const viewAnnounced = struct({ view: clusterView, live });

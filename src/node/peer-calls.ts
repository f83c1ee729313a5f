/** Payloads of the mesh service `operator`: what the node that an operator asks has to ask the others. */
import { call, callTable } from '../protocol/calls.ts';
import type { AnyReplyOf, ReplyOf, RequestOf } from '../protocol/calls.ts';
import { LISTED_USERS_MAX, REPLICAS_MAX } from '../protocol/limits.ts';
import {
  bool,
  list,
  nodeId,
  oneOf,
  shardId,
  struct,
  text,
  u16,
  u53,
  userId,
} from '../protocol/schema.ts';

const none = struct({});

const listedUser = struct({ user: userId, online: bool, lastSeen: u53, devices: u16 });

const replicaStatus = struct({
  node: nodeId,
  state: oneOf('streaming', 'catching-up', 'silent'),
  flushed: u53,
});

export const peerCalls = callTable({
  about: call(1, none, struct({ version: text(64), upMs: u53, served: u16 })),
  /** Accounts of the shards that the asked node serves, the first by name. */
  users: call(2, none, struct({ users: list(listedUser, LISTED_USERS_MAX), isCut: bool })),
  /** A shard as the asked node sees it. */
  replication: call(
    3,
    struct({ shard: shardId }),
    struct({
      role: oneOf('owner', 'replica', 'none'),
      epoch: u53,
      acknowledged: u53,
      replicas: list(replicaStatus, REPLICAS_MAX),
    }),
  ),
  /** Look at the placement now, at shards whose last step failed as well. */
  rebalance: call(4, none, none),
});

type PeerCalls = (typeof peerCalls)['calls'];
export type PeerRequest = RequestOf<PeerCalls>;
export type PeerCallName = keyof PeerCalls;
export type PeerReply<K extends PeerCallName> = ReplyOf<PeerCalls, K>;
export type AnyPeerReply = AnyReplyOf<PeerCalls>;

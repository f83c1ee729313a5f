/** Every metric of a node, declared once; names without their prefix `fastchat_`. No user or group is ever a label. */
import { GROUP_FAMILIES } from './group-metric-families.ts';
import { SECONDS } from './metric-types.ts';

export interface Family {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly label?: string;
  /** The label's values when they are known; otherwise children come with `of`. */
  readonly values?: readonly string[];
  readonly bounds?: readonly number[];
}

export const FAMILIES = {
  // Sessions and logins
  sessions: { kind: 'gauge', name: 'sessions', help: 'Attached sessions on this node' },
  connections: { kind: 'gauge', name: 'connections', help: 'Open client connections' },
  logins: {
    kind: 'counter',
    name: 'logins_total',
    help: 'Logins by result',
    label: 'result',
    values: ['ok', 'redirected', 'refused', 'limited'],
  },
  registrations: { kind: 'counter', name: 'registrations_total', help: 'Accounts made here' },
  authFailures: {
    kind: 'counter',
    name: 'auth_failures_total',
    help: 'Failed proofs of identity by reason; cloned: a restored or copied device',
    label: 'reason',
    values: ['password', 'device', 'ticket', 'cloned', 'admin'],
  },
  tickets: {
    kind: 'counter',
    name: 'tickets_total',
    help: 'Login tickets presented here by result',
    label: 'result',
    values: ['ok', 'expired', 'forged', 'replayed', 'node'],
  },
  rateLimited: {
    kind: 'counter',
    name: 'rate_limited_total',
    help: 'Refusals because a budget was used up; requests: of sessions, also messages',
    label: 'what',
    values: ['requests', 'logins', 'registrations'],
  },
  badFrames: {
    kind: 'counter',
    name: 'bad_frames_total',
    help: 'Client frames that do not decode',
  },

  // Messages
  messages: {
    kind: 'counter',
    name: 'messages_total',
    help: 'Messages by the stage they reached on this node; delivered, expired: direct ones',
    label: 'stage',
    values: ['accepted', 'stored', 'delivered', 'expired', 'rejected', 'duplicate'],
  },
  messageStored: {
    kind: 'histogram',
    name: 'message_stored_seconds',
    help: 'From accepting a message at the gate here to the answer "stored"',
    bounds: SECONDS,
  },
  messageDelivery: {
    kind: 'histogram',
    name: 'message_delivery_seconds',
    help: 'From taking a direct message into a mailbox here to its first acknowledgement by a device',
    bounds: SECONDS,
  },
  pushesPaused: {
    kind: 'counter',
    name: 'pushes_paused_total',
    help: 'Times a session fell behind its push window and was told to pull',
  },

  ...GROUP_FAMILIES,

  // Actors
  actors: {
    kind: 'gauge',
    name: 'actors',
    help: 'Live actors; address: of users and groups',
    label: 'kind',
    values: ['address', 'session', 'balancer'],
  },
  actorActivations: { kind: 'counter', name: 'actor_activations_total', help: 'Actors activated' },
  actorPassivations: {
    kind: 'counter',
    name: 'actor_passivations_total',
    help: 'Actors put to rest',
  },
  actorCrashes: {
    kind: 'counter',
    name: 'actor_crashes_total',
    help: 'Messages that made an actor fail',
  },
  actorMailboxDepth: {
    kind: 'gauge',
    name: 'actor_mailbox_depth',
    help: 'Messages that wait in the mailboxes of all actors',
  },
  deadLetters: {
    kind: 'counter',
    name: 'dead_letters_total',
    help: 'Messages to actors that are gone',
  },

  // Balancer
  loadScore: {
    kind: 'gauge',
    name: 'load_score',
    help: 'Load of this node as the balancer sees it',
  },
  balancerWeight: {
    kind: 'gauge',
    name: 'balancer_weight',
    help: 'Probability that the next login goes to a node',
    label: 'node',
  },
  balancerPlacements: {
    kind: 'counter',
    name: 'balancer_placements_total',
    help: 'Logins placed by this node',
    label: 'node',
  },

  // Mesh
  meshPeers: {
    kind: 'gauge',
    name: 'mesh_peers',
    help: 'Mesh links by state',
    label: 'state',
    values: ['up', 'down'],
  },
  meshFrames: {
    kind: 'counter',
    name: 'mesh_frames_total',
    help: 'Mesh frames by direction',
    label: 'dir',
    values: ['in', 'out'],
  },
  meshBytes: {
    kind: 'counter',
    name: 'mesh_bytes_total',
    help: 'Mesh bytes by direction',
    label: 'dir',
    values: ['in', 'out'],
  },
  meshDropped: {
    kind: 'counter',
    name: 'mesh_dropped_total',
    help: 'Mesh frames lost by reason; anything above zero deserves a look',
    label: 'reason',
    values: ['hwm', 'unreachable', 'gap', 'duplicate', 'decode', 'late', 'stranger', 'unconfirmed'],
  },
  meshRequests: {
    kind: 'histogram',
    name: 'mesh_request_seconds',
    help: 'From asking another node to its answer, with what it does for that',
    label: 'service',
    values: ['actor', 'coordinator', 'replica', 'operator', 'map'],
    bounds: SECONDS,
  },

  // Shards
  shardsOwned: { kind: 'gauge', name: 'shards_owned', help: 'Shards this node owns' },
  shardsReplicated: {
    kind: 'gauge',
    name: 'shards_replicated',
    help: 'Shards this node keeps a copy of',
  },
  shardsDegraded: {
    kind: 'gauge',
    name: 'shards_degraded',
    help: 'Shards of the cluster with fewer living copies than wanted',
  },
  shardsOwnerless: {
    kind: 'gauge',
    name: 'shards_ownerless',
    help: 'Shards of the cluster whose owner has no lease',
  },
  shardsMoving: {
    kind: 'gauge',
    name: 'shards_moving',
    help: 'Shards whose copies or owner this node changes now',
  },
  placementSteps: {
    kind: 'counter',
    name: 'placement_steps_total',
    help: 'Changes of copies and owners that this node made or tried',
    label: 'result',
    values: ['ok', 'failed'],
  },
  lease: { kind: 'gauge', name: 'lease', help: '1 while the lease of this node holds' },
  takeovers: {
    kind: 'counter',
    name: 'takeovers_total',
    help: 'Shards this node took over',
    label: 'result',
    values: ['ok', 'failed'],
  },
  takeoverTime: {
    kind: 'histogram',
    name: 'takeover_seconds',
    help: 'From finding that an owner has lost its lease to serving its shard here',
    bounds: SECONDS,
  },
  unacknowledged: {
    kind: 'gauge',
    name: 'commits_unacknowledged',
    help: 'Commits of owned shards that too few replicas have flushed yet',
  },
  replicasSilent: {
    kind: 'gauge',
    name: 'replicas_silent',
    help: 'Replicas of owned shards that do not answer',
  },
  replicaCopies: {
    kind: 'counter',
    name: 'replica_copies_total',
    help: 'Copies sent in pages: to new replicas and to those too far behind',
  },
  replicaRollBacks: {
    kind: 'counter',
    name: 'replica_rollbacks_total',
    help: 'Replicas told to undo what was never acknowledged',
  },
  replicaRepairs: {
    kind: 'counter',
    name: 'replica_repairs_total',
    help: 'Replicas that differed from their owner and were copied anew',
  },
  replicationLag: {
    kind: 'gauge',
    name: 'replication_lag_commits',
    help: 'Commits that the slowest replica of an owned shard is behind',
  },

  // Store
  storeCommits: {
    kind: 'counter',
    name: 'store_commits_total',
    help: 'Commits written to the store, own ones and those of other owners',
  },
  storeFlush: {
    kind: 'histogram',
    name: 'store_flush_seconds',
    help: 'From the end of a turn to its being durable in the write-ahead log',
    bounds: SECONDS,
  },
  storeMapBytes: { kind: 'gauge', name: 'store_map_bytes', help: 'Size of the store file' },
  storeFreeBytes: {
    kind: 'gauge',
    name: 'store_free_bytes',
    help: 'Free space where the store lies',
  },

  // The process
  up: { kind: 'gauge', name: 'up_seconds', help: 'Age of this process' },
  draining: { kind: 'gauge', name: 'draining', help: '1 while the node drains' },
  loopLag: {
    kind: 'gauge',
    name: 'event_loop_lag_seconds',
    help: 'How late the event loop was in the last sample',
  },
  loopUtilisation: {
    kind: 'gauge',
    name: 'event_loop_utilisation_ratio',
    help: 'Share of the last sample that the event loop was busy',
  },
} as const satisfies Record<string, Family>;

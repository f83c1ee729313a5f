/** What a node answers on its operations port, as the node makes it and `fastchat admin` reads it. */

/** Routes that need the bearer token of `DIR/admin.token`. Queries and bodies are listed beside each. */
export const ADMIN_ROUTES = {
  /** `?address=@user|#group` -> WhereReport */
  where: 'GET /admin/where',
  /** `?user=@user` -> MailboxReport */
  mailbox: 'GET /admin/mailbox',
  /** `?user=@user` -> PlacementReport */
  explain: 'GET /admin/balancer/explain',
  /** -> UserList: the accounts of the whole cluster. */
  users: 'GET /admin/users',
  /** -> NodeReport[] */
  nodes: 'GET /admin/nodes',
  /** `{node}` -> ForgetReport; to be asked again until `isGone`. */
  forget: 'POST /admin/nodes/forget',
  /** -> StepReport[]: what would be done now. */
  plan: 'GET /admin/placement',
  /** -> RebalanceReport */
  rebalance: 'POST /admin/rebalance',
  /** `{user}` -> InvitationReport */
  invite: 'POST /admin/invitations',
  /** -> JoinTokenReport; the old token is worthless at this node. */
  rotate: 'POST /admin/join/rotate',
  /** -> RebuildReport; only into an etcd that has no map. */
  rebuildMap: 'POST /admin/map/rebuild',
  /** -> {draining: true}; the node goes on draining after the answer. */
  drain: 'POST /admin/drain',
} as const satisfies Record<string, Route>;

export type Route = `${'GET' | 'POST'} /${string}`;
export type AdminAction = keyof typeof ADMIN_ROUTES;

/** The map that was written. */
export interface RebuildReport {
  /** The version that this node knew. */
  readonly version: number;
  readonly members: number;
  readonly shards: number;
}

/** `GET /cluster`, open to everybody who reaches the port. */
export interface ClusterReport {
  /** The node that answers. */
  readonly node: string;
  readonly coordinator: string;
  /** Version of the shard map. */
  readonly version: number;
  /** `effective`: living copies of the shard that has the fewest. */
  readonly replicas: { readonly target: number; readonly effective: number };
  /** True while some shard has fewer living replicas than it should. */
  readonly degraded: boolean;
  /** How many such shards there are. */
  readonly degradedShards: number;
  /** Shards whose owner has no lease: nobody serves them until a replica takes over or the owner is back. */
  readonly ownerlessShards: number;
  readonly members: readonly MemberReport[];
  /** Index = shard number. */
  readonly shards: readonly ShardReport[];
}

export interface MemberReport {
  readonly node: string;
  readonly mesh: string;
  readonly gate: string;
  readonly state: 'up' | 'silent' | 'draining';
  readonly sessions: number;
  readonly load: number;
  /** Age of the figures above; 0 for the node itself. */
  readonly reportAgeMs: number;
  readonly shardsOwned: number;
  /** Shards of which it has a copy, its own included. */
  readonly shardsHeld: number;
  readonly lease: LeaseState;
}

/** As the coordinator told last; `unknown`: it was never heard. */
export type LeaseState = 'held' | 'ended' | 'unknown';

export interface ShardReport {
  readonly epoch: number;
  readonly owner: string;
  readonly replicas: readonly string[];
}

export interface WhereReport extends ShardReport {
  readonly address: string;
  readonly shard: number;
  /** Newest acknowledged commit of the shard; undefined: its owner does not answer. */
  readonly acknowledged?: number | undefined;
  readonly copies: readonly CopyReport[];
}

/** One copy of a shard, as its owner sees it. */
export interface CopyReport {
  readonly node: string;
  readonly state: 'owner' | 'streaming' | 'catching-up' | 'silent' | 'unknown';
  /** Newest commit that is surely on its disk; undefined: not known. */
  readonly flushed?: number | undefined;
}

export interface NodeReport extends MemberReport {
  /** Of the program; undefined: it does not answer. */
  readonly version?: string | undefined;
  readonly upMs?: number | undefined;
}

export interface ForgetReport {
  readonly node: string;
  /** Shards that still count on a copy there. */
  readonly shardsLeft: number;
  /** It is no member any more. */
  readonly isGone: boolean;
}

/** One step of the placement plan; `owner` carries it out. */
export interface StepReport {
  readonly shard: number;
  readonly kind: 'add' | 'remove' | 'transfer';
  readonly node: string;
  readonly owner: string;
  readonly reason: 'repair' | 'drain' | 'even';
}

export interface RebalanceReport {
  /** Steps planned now. */
  readonly steps: number;
  /** Members that could not be told to look at once; they look by themselves. */
  readonly silent: readonly string[];
}

export interface MailboxReport {
  readonly user: string;
  readonly messages: number;
  readonly bytes: number;
  /** Of these, messages that a person waits for and no device has got. */
  readonly pending: number;
  /** Newest entry of the log. */
  readonly head: number;
  readonly devices: number;
  readonly sessions: number;
}

export interface PlacementReport {
  readonly user: string;
  readonly algorithm: string;
  readonly candidates: ReadonlyArray<{
    readonly node: string;
    readonly sessions: number;
    /** Logins sent there since its last report. */
    readonly placed: number;
    /** The busier of its event loop and its outbox, 0 to 1. */
    readonly utilisation: number;
    readonly ageMs: number;
    readonly load: number;
    /** 1 / load for `inverse-load`, before scaling; 0: not a candidate. */
    readonly weight: number;
    /** Chance that a login goes there now, 0 to 1. */
    readonly probability: number;
    /** Why it is left out, or empty. */
    readonly excluded: string;
  }>;
}

export interface UserList {
  /** By name. */
  readonly users: readonly UserReport[];
  /** There are more. */
  readonly isCut: boolean;
  /** Members that did not answer: their users are missing. */
  readonly silent: readonly string[];
}

export interface UserReport {
  readonly user: string;
  readonly online: boolean;
  readonly lastSeen: number;
  readonly devices: number;
}

export interface JoinTokenReport {
  /** The line to put into a join token's file. */
  readonly token: string;
}

export interface InvitationReport {
  readonly user: string;
  readonly invitation: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

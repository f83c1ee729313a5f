/** What a node answers on its operations port, as the node makes it and `fastchat admin` reads it. */

/** Routes that need the bearer token of `DIR/admin.token`. Queries and bodies are listed beside each. */
export const ADMIN_ROUTES = {
  /** `?address=@user|#group` -> WhereReport */
  where: 'GET /admin/where',
  /** `?user=@user` -> MailboxReport */
  mailbox: 'GET /admin/mailbox',
  /** `?user=@user` -> PlacementReport */
  explain: 'GET /admin/balancer/explain',
  /** -> UserReport[] */
  users: 'GET /admin/users',
  /** `{user}` -> InvitationReport */
  invite: 'POST /admin/invitations',
  /** -> JoinTokenReport; the old token is worthless at this node. */
  rotate: 'POST /admin/join/rotate',
  /** -> {draining: true}; the node goes on draining after the answer. */
  drain: 'POST /admin/drain',
} as const satisfies Record<string, Route>;

export type Route = `${'GET' | 'POST'} /${string}`;
export type AdminAction = keyof typeof ADMIN_ROUTES;

/** `GET /cluster`, open to everybody who reaches the port. */
export interface ClusterReport {
  /** The node that answers. */
  readonly node: string;
  readonly coordinator: string;
  /** Version of the shard map. */
  readonly version: number;
  readonly replicas: { readonly target: number; readonly effective: number };
  /** True while some shard has fewer replicas than it should. */
  readonly degraded: boolean;
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
}

export interface ShardReport {
  readonly epoch: number;
  readonly owner: string;
  readonly replicas: readonly string[];
}

export interface WhereReport extends ShardReport {
  readonly address: string;
  readonly shard: number;
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

/** What a group actor hears and what it wants done. */
import type { GroupOperation } from '../../protocol/group-log.ts';
import type { Outcome } from '../../protocol/calls.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { GroupNews, Membership } from '../../protocol/group-facts.ts';
import type { AnyGroupReply, GroupCallName, GroupRequest } from '../../protocol/group-calls.ts';
import type { EpochSeal, GroupEntry, PlacedOperation } from '../../protocol/group-log.ts';
import type { NodeId, UserId } from '../../protocol/ids.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import type { ActorMessage } from '../runtime/logic.ts';
import type { StayRecord, GroupWrite, OperationRecord, PairRecord, SealRecord } from './records.ts';

/** What the host carries to a group actor. */
export type GroupInbound = GroupAsk | GroupFact;

export type Done = (outcome: Outcome<AnyGroupReply>) => void;

/** A request from outside. `done` is called exactly once; missing: nobody waits. */
export interface GroupAsk extends ActorMessage {
  readonly type: GroupCallName;
  readonly request: GroupRequest;
  readonly done?: Done;
}

/** An entry of the log as the store holds it, without what it carries. */
export interface StoredHead extends LogMark {
  readonly at: number;
  /** Parts of the body outside the log record. */
  readonly parts: number;
}

/** An operation that was taken. */
export interface TakenOperation extends Pick<OperationRecord, 'seq' | 'at' | 'epoch'> {
  readonly hash: Uint8Array;
}

/** When an asker was a member before, as long as there is something left of that time. */
interface WithStays {
  readonly stays: readonly StayRecord[];
}

/** What a step needs from outside the state, read before it runs. */
export interface Found {
  readonly groupAppend: WithStays & { readonly pairs: readonly PairRecord[] };
  readonly groupOperate: WithStays & {
    /** Signed by its author as far as that could be checked. */
    readonly operation: Outcome<GroupOperation>;
    /** The operation that stands at its place. */
    readonly taken: TakenOperation | undefined;
  };
  readonly groupPull: WithStays & {
    readonly entries: readonly GroupEntry[];
    readonly upTo: number;
  };
  readonly groupChain: WithStays & { readonly operations: readonly PlacedOperation[] };
  readonly groupKeys: { readonly seals: readonly EpochSeal[] };
  readonly groupSubscribe: {
    /** The sums up to where some device of the user got. */
    readonly got: LogMark;
  };
  readonly retain: { readonly oldest: readonly StoredHead[] };
  readonly sweep: {
    readonly seals: readonly SealRecord[];
    readonly stays: readonly StayRecord[];
  };
  readonly purge: { readonly keys: readonly Uint8Array[] };
}

type WithFound<K> = K extends keyof Found ? { readonly found: Found[K] } : unknown;

/** What a group actor tells itself; `tick` also comes from the node, once an hour for every group. */
export type GroupFact =
  /** Every commit up to this one is flushed (I2). */
  | { readonly type: 'committed'; readonly commit: number }
  /** This commit was refused; none after it was begun. */
  | { readonly type: 'commitFailed'; readonly error: FastChatError }
  /** The identity of an operation's author was asked for. */
  | {
      readonly type: 'identified';
      readonly request: Extract<GroupRequest, { type: 'groupOperate' }>;
      readonly replyTo: number;
      readonly identity: Outcome<Uint8Array>;
    }
  /** Time has passed: look for ended leases, forgotten seals, expired entries. */
  | { readonly type: 'tick' }
  /** Write what is lazy now. */
  | { readonly type: 'flush' }
  /** Tell how far members got. */
  | { readonly type: 'tellMarks' }
  /** Remove what retention allows, one slice of at most `limit` entries. */
  | { readonly type: 'retain'; readonly limit: number }
  /** Remove keys and former members that nothing retained needs. */
  | { readonly type: 'sweep' }
  /** Remove what is left of earlier lives, one slice. */
  | { readonly type: 'purge' }
  /** Tell users of their membership again. */
  | { readonly type: 'retryOwed' }
  | {
      readonly type: 'owedAnswered';
      readonly user: UserId;
      readonly told: Membership;
      readonly ok: boolean;
    };

/** A request as a step sees it; `replyTo` 0: nobody waits. */
export type Asked<K extends GroupCallName> = {
  [N in K]: Extract<GroupRequest, { type: N }> & { readonly replyTo: number } & WithFound<N>;
}[K];

export type Fact<T extends GroupFact['type']> = {
  [N in T]: Extract<GroupFact, { type: N }> & WithFound<N>;
}[T];

/** Everything a step handles; `identified` becomes `groupOperate` before. */
export type GroupMsg = Asked<GroupCallName> | Fact<Exclude<GroupFact['type'], 'identified'>>;

export type GroupEffect =
  /** Write all of these or none; commits of one group take effect in the order of their ids. */
  | { readonly type: 'commit'; readonly id: number; readonly writes: readonly GroupWrite[] }
  | { readonly type: 'reply'; readonly to: number; readonly outcome: Outcome<AnyGroupReply> }
  /** Hand news to the interested sessions of each of these nodes, once per node. */
  | { readonly type: 'fanOut'; readonly nodes: readonly NodeId[]; readonly news: GroupNews }
  /** Tell a user's actor until it answers; comes back as `owedAnswered`. */
  | { readonly type: 'askOwed'; readonly user: UserId; readonly told: Membership }
  | { readonly type: 'schedule'; readonly inMs: number; readonly message: GroupFact }
  | {
      readonly type: 'count';
      readonly what: 'stored' | 'refused' | 'duplicate';
      readonly by: number;
    }
  /** The state is no longer what the store holds: end this life. */
  | { readonly type: 'drop'; readonly error: FastChatError };

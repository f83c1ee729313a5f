/** What a user actor hears and what it wants done. */
import type { SealedVault } from '../../protocol/account.ts';
import type { Outcome } from '../../protocol/calls.ts';
import type { Push } from '../../protocol/client-calls.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import type {
  AnyUserReply,
  SessionRef,
  UserCallName,
  UserRequest,
} from '../../protocol/user-calls.ts';
import type { ActorMessage } from '../runtime/logic.ts';
import type { PairRecord, SeenRecord, UserWrite } from './records.ts';

/** What the host carries to a user actor. */
export type UserInbound = UserAsk | UserFact;

export type DoneOutcome = Outcome<AnyUserReply>;
export type Done = (outcome: DoneOutcome) => void;

/** A request from outside. `done` is called exactly once; missing: nobody waits. */
export interface UserAsk extends ActorMessage {
  readonly type: UserCallName;
  readonly request: UserRequest;
  readonly done?: Done;
}

/** An entry of the log without its body. */
export interface EntryHead {
  readonly seq: number;
  readonly at: number;
  readonly from: UserId;
  readonly device: DeviceId;
  readonly counter: number;
  readonly quiet: boolean;
  /** Sums of everything up to and with this entry. */
  readonly loud: number;
  readonly bytes: number;
}

/** The same as the store holds it. */
export interface StoredHead extends EntryHead {
  /** Parts of the body outside the log record. */
  readonly parts: number;
}

/** Entries to settle and the sending devices they name, as far as the state does not hold them. */
export interface HeadsFound {
  readonly heads: readonly EntryHead[];
  readonly pairs: readonly PairRecord[];
}

/** What a step needs from outside the state, read before it runs. */
export interface Found {
  readonly register: { readonly incarnation: Incarnation };
  readonly append: { readonly pairs: readonly PairRecord[] };
  readonly ack: HeadsFound;
  readonly settle: HeadsFound;
  readonly retain: {
    /** The oldest entries, and the oldest undelivered ones. */
    readonly oldest: readonly StoredHead[];
    readonly undelivered: readonly StoredHead[];
    readonly pairs: readonly PairRecord[];
  };
  readonly pull: { readonly entries: readonly LogEntry[]; readonly upTo: number };
  readonly receipts: { readonly pairs: readonly PairRecord[] };
  readonly expired: { readonly seen: SeenRecord | undefined };
  readonly vault: { readonly vault: SealedVault | undefined };
  readonly putVault: { readonly vault: SealedVault | undefined };
  readonly changePassword: { readonly vault: SealedVault | undefined };
}

type WithFound<K> = K extends keyof Found ? { readonly found: Found[K] } : unknown;
type FactBodies =
  /** Every commit up to this one is flushed (I2). */
  | { readonly type: 'committed'; readonly commit: number }
  /** This commit was refused; none after it was begun. */
  | { readonly type: 'commitFailed'; readonly error: FastChatError }
  /** Time has passed: look for dead sessions, ended leases, expired entries. */
  | { readonly type: 'tick' }
  /** Write what is lazy now. */
  | { readonly type: 'flush' }
  /** More entries were delivered than one step settles. */
  | { readonly type: 'settle' }
  /** Remove what retention allows, one slice of at most `limit` entries. */
  | { readonly type: 'retain'; readonly limit: number }
  /** Ask the oldest notice of expiry of each sender again. */
  | { readonly type: 'retryOwed' }
  | { readonly type: 'owedAnswered'; readonly seq: number; readonly ok: boolean };

/** What a user actor tells itself; `tick` also comes from the node, once an hour for every user with mail. */
export type UserFact = FactBodies;

/** A request as a step sees it; `replyTo` 0: nobody waits. */
export type Asked<K extends UserCallName> = {
  [N in K]: Extract<UserRequest, { type: N }> & { readonly replyTo: number } & WithFound<N>;
}[K];

export type Fact<T extends UserFact['type']> = {
  [N in T]: Extract<UserFact, { type: N }> & WithFound<N>;
}[T];

/** Everything a step handles. */
export type UserMsg = Asked<UserCallName> | Fact<UserFact['type']>;

export type UserEffect =
  /** Write all of these or none; commits of one user take effect in the order of their ids. */
  | { readonly type: 'commit'; readonly id: number; readonly writes: readonly UserWrite[] }
  | { readonly type: 'reply'; readonly to: number; readonly outcome: Outcome<AnyUserReply> }
  | { readonly type: 'tell'; readonly to: UserId; readonly request: UserRequest }
  /** Ask until somebody answers; comes back as `owedAnswered`. */
  | {
      readonly type: 'askOwed';
      readonly to: UserId;
      readonly request: Extract<UserRequest, { type: 'expired' }>;
    }
  | { readonly type: 'push'; readonly session: SessionRef; readonly push: Push }
  | { readonly type: 'schedule'; readonly inMs: number; readonly message: UserFact }
  | {
      readonly type: 'count';
      readonly what: 'stored' | 'expired' | 'refused' | 'duplicate';
      readonly by: number;
    }
  /** A device is the first to have these. */
  | { readonly type: 'delivered'; readonly heads: readonly EntryHead[]; readonly nowMs: number }
  /** The state is no longer what the store holds: end this life. */
  | { readonly type: 'drop'; readonly error: FastChatError };

/**
 * What a user actor keeps in memory. It is optimistic: it already holds what commits under way will have written.
 * What leaves the actor is not: replies and pushes wait for `committed`, and a refused commit ends this life.
 */
import type { BoxKey, ContactInfo, SealedVault } from '../../protocol/account.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import type { Membership } from '../../protocol/group-facts.ts';
import type { DeviceId, GroupId, UserId } from '../../protocol/ids.ts';
import type { Limits } from '../../protocol/limits.ts';
import type { AnyUserReply, SessionRef } from '../../protocol/user-calls.ts';
import type { ActorBugs } from '../planted-bugs.ts';
import { LOG_START } from '../runtime/log-mark.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import type { EntryHead, UserEffect } from './messages.ts';
import type { AccountRecord, DeviceRecord, OwedRecord, PairRecord, SeenRecord } from './records.ts';
import { SparseMap } from './sparse-map.ts';

/** What an operator sets. */
export interface UserSettings {
  readonly limits: Limits;
  /** How long undelivered entries wait. */
  readonly mailboxTtlMs: number;
  /** How long delivered entries are kept for new devices. */
  readonly historyRetentionMs: number;
  readonly bugs?: ActorBugs;
}

/** What waits for a commit to be flushed. */
export type Release =
  | { readonly type: 'reply'; readonly to: number; readonly value: AnyUserReply }
  | { readonly type: 'effect'; readonly effect: UserEffect }
  | {
      readonly type: 'entry';
      readonly to: number;
      readonly entry: LogEntry;
      readonly head: EntryHead;
    }
  | {
      readonly type: 'attach';
      readonly to: number;
      readonly device: DeviceId;
      readonly session: SessionRef;
    }
  /** Notices of expiry that may be told now. */
  | { readonly type: 'owed' };

export interface CommitsUnderWay {
  /** Id of the newest commit begun; 0: none in this life. */
  begun: number;
  /** Id of the newest one flushed. */
  done: number;
  /** What each one that is begun and not done releases, in order of their ids. */
  readonly waiting: Map<number, Release[]>;
  /** Bytes of bodies that wait. */
  bytes: number;
}

/** A sending device as the recipient knows it. */
export interface Pair {
  /** Replaced, never changed: commits under way hold older ones. */
  record: PairRecord;
  /** The commit that took its last counter. */
  commit: number;
  /** Holds something the store does not, to be written lazily. */
  isDirty: boolean;
}

export interface Device {
  record: DeviceRecord;
  isDirty: boolean;
}

export interface Attached {
  readonly session: SessionRef;
  seenAtMs: number;
}

export interface LogState {
  /** Newest entry begun, and its time. */
  head: LogMark;
  headAt: number;
  /** Newest entry flushed: nothing beyond it is read, pushed, counted or acknowledged (I2). */
  committed: LogMark;
  /** Up to here every entry was delivered to some device or has expired. */
  settled: LogMark;
  /** The highest cursor any device ever had; `settled` follows it in slices. */
  reached: number;
  /** Everything up to here is gone. */
  floor: number;
  /** Heads of the newest committed entries that are not settled, dense; a few settled ones may be left. */
  recent: EntryHead[];
  /** A step that goes on settling is on its way. */
  isSettling: boolean;
}

export interface OwedNotices {
  readonly open: SparseMap<number, OwedRecord>;
  /** Senders that are being asked now, one notice at a time so that they arrive in order. */
  readonly asked: SparseMap<UserId, number>;
  next: number;
  retryMs: number;
  isRetryScheduled: boolean;
}

export interface UserState {
  readonly user: UserId;
  readonly settings: UserSettings;
  account: AccountRecord | undefined;
  /** The last commit that changed the account, its devices or its contacts: answers about them wait for it. */
  accountCommit: number;
  /** A vault that is not flushed yet, and the commit that writes it. */
  newVault: { readonly vault: SealedVault; readonly commit: number } | undefined;
  readonly devices: Map<DeviceId, Device>;
  /** Sessions that entries are pushed to, one per device; soft. */
  readonly sessions: Map<DeviceId, Attached>;
  /** Sessions whose attachment is not flushed yet. */
  readonly attaching: SparseMap<DeviceId, SessionRef>;
  readonly log: LogState;
  /** By `pairKey`; the rest is in the store. */
  readonly pairs: SparseMap<string, Pair>;
  readonly contacts: SparseMap<UserId, ContactInfo>;
  /** Also those that have ended, in the order in which they were heard of first. */
  readonly groups: SparseMap<GroupId, Membership>;
  /** Who is told of this user's presence, and until when; soft. */
  readonly watchers: SparseMap<UserId, number>;
  readonly owed: OwedNotices;
  /** Notices of expiry from others whose confirmation is not flushed yet. */
  readonly seenExpired: SparseMap<UserId, { readonly record: SeenRecord; readonly commit: number }>;
  readonly commits: CommitsUnderWay;
  /** Entries acknowledged since the cursors were last written; a flush is on its way. */
  unflushedEntries: number;
  isFlushScheduled: boolean;
  /** A token bucket of logins that failed or are not finished; 0: full. */
  logins: number;
  nextRetentionMs: number;
}

/** One step on its way: the state it owns, the time, the effects so far. */
export interface UserTurn {
  readonly state: UserState;
  readonly nowMs: number;
  readonly effects: UserEffect[];
}

/** The state of an address nobody has registered. */
export function emptyState(user: UserId, settings: UserSettings): UserState {
  return {
    user,
    settings,
    account: undefined,
    accountCommit: 0,
    newVault: undefined,
    devices: new Map(),
    sessions: new Map(),
    attaching: new SparseMap(),
    log: {
      head: LOG_START,
      headAt: 0,
      committed: LOG_START,
      settled: LOG_START,
      reached: 0,
      floor: 0,
      recent: [],
      isSettling: false,
    },
    pairs: new SparseMap(),
    contacts: new SparseMap(),
    groups: new SparseMap(),
    watchers: new SparseMap(),
    owed: {
      open: new SparseMap(),
      asked: new SparseMap(),
      next: 1,
      retryMs: 0,
      isRetryScheduled: false,
    },
    seenExpired: new SparseMap(),
    commits: { begun: 0, done: 0, waiting: new Map(), bytes: 0 },
    unflushedEntries: 0,
    isFlushScheduled: false,
    logins: 0,
    nextRetentionMs: 0,
  };
}

export function isSameSession(left: SessionRef | undefined, right: SessionRef): boolean {
  return left !== undefined && left.session === right.session && left.node === right.node;
}

/** Entries that a person waits for and no device has got. */
export function pendingCount(log: LogState): number {
  return log.committed.loud - log.settled.loud;
}

export function isBoxEpochAccepted(
  account: { readonly box: BoxKey; readonly minBoxEpoch: number },
  epoch: number,
): boolean {
  return epoch >= account.minBoxEpoch && epoch <= account.box.epoch;
}

/**
 * What a group actor keeps in memory. It is optimistic: `now` already holds what commits under way will have written.
 * What leaves the actor is not: reads are answered from `flushed`, replies and pushes wait for `committed`, and a refused
 * commit ends this life of the actor.
 */
import type { FastChatError } from '../../protocol/errors.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { AnyGroupReply } from '../../protocol/group-calls.ts';
import type { GroupMark, Membership } from '../../protocol/group-facts.ts';
import type { GroupEntry, MemberSeal } from '../../protocol/group-log.ts';
import type { GroupId, NodeId, UserId } from '../../protocol/ids.ts';
import type { Limits } from '../../protocol/limits.ts';
import type { ActorBugs } from '../planted-bugs.ts';
import { LOG_START } from '../runtime/log-mark.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import type { FreshRecord, PairRecord } from './records.ts';
import type { GroupEffect, TakenOperation } from './messages.ts';

/** What an operator sets. */
export interface GroupSettings {
  readonly limits: Limits;
  /** How long entries wait for members who are away. */
  readonly mailboxTtlMs: number;
  /** How long entries are kept for new devices. */
  readonly historyRetentionMs: number;
  readonly bugs?: ActorBugs;
}

/** A group after some operation; never changed in place. */
export interface GroupView {
  /** Which life of the name this is. */
  readonly life: number;
  readonly roster: Roster;
  /** The entry that let each member in. */
  readonly since: ReadonlyMap<UserId, number>;
}

/** What waits for a commit to be flushed. */
export type Release =
  | { readonly type: 'reply'; readonly to: number; readonly value: AnyGroupReply }
  | { readonly type: 'refusal'; readonly to: number; readonly error: FastChatError }
  | {
      readonly type: 'entry';
      readonly to: number;
      readonly value: AnyGroupReply;
      readonly entry: GroupEntry;
      readonly mark: LogMark;
      /** What the group is from this entry on, if it is an operation. */
      readonly view: GroupView | undefined;
      /** Users whom it puts out. */
      readonly ended: readonly UserId[];
    }
  | { readonly type: 'effect'; readonly effect: GroupEffect }
  /** Users may be told of their membership now. */
  | { readonly type: 'owed' };

export interface CommitsUnderWay {
  /** Id of the newest commit begun; 0: none in this life of the actor. */
  begun: number;
  /** Id of the newest one flushed. */
  done: number;
  /** What each one that is begun and not done releases, in order of their ids. */
  readonly waiting: Map<number, Release[]>;
  /** Bytes of entries that wait. */
  bytes: number;
}

/** A sending device as the group knows it. */
export interface Pair {
  /** Replaced, never changed: commits under way hold older ones. */
  record: PairRecord;
  /** The commit that took its last counter. */
  commit: number;
}

export interface LogState {
  /** Newest entry begun, and its time. */
  head: LogMark;
  headAt: number;
  /** Newest entry flushed: nothing beyond it is read, pushed or counted (I2). */
  committed: LogMark;
  /** Everything up to here is gone. */
  floor: LogMark;
}

/** Seals that came ahead of their operation. */
export interface Stage {
  readonly operation: Uint8Array;
  readonly seals: readonly MemberSeal[];
  readonly untilMs: number;
}

/** A node with interested sessions, until its lease ends; soft. */
export interface InterestedNode {
  untilMs: number;
  readonly users: Set<UserId>;
}

export interface OwedNotices {
  /** What each of these users has to be told. */
  readonly open: Map<UserId, Membership>;
  /** The commit that made it so, where that may not be flushed: until then nobody is told (I2). */
  readonly since: Map<UserId, number>;
  readonly asked: Set<UserId>;
  /** Confirmed, but not written yet. */
  readonly told: Set<UserId>;
  retryMs: number;
  isRetryScheduled: boolean;
}

export interface MarkState {
  readonly all: Map<UserId, GroupMark>;
  /** Not written yet. */
  readonly dirty: Set<UserId>;
  /** Not told yet. */
  readonly changed: Set<UserId>;
  isTellScheduled: boolean;
}

export interface GroupState {
  readonly group: GroupId;
  readonly settings: GroupSettings;
  now: GroupView | undefined;
  flushed: GroupView | undefined;
  /** The oldest life of which something may be left. */
  oldestLife: number;
  log: LogState;
  /** By `pairKey`; the rest is in the store. */
  readonly pairs: Map<string, Pair>;
  /** Operations whose commit is under way, by position. */
  readonly taken: Map<number, TakenOperation & { readonly commit: number }>;
  /** By author; soft. */
  readonly stages: Map<UserId, Stage>;
  readonly nodes: Map<NodeId, InterestedNode>;
  readonly marks: MarkState;
  /** Epochs whose key was sealed to everybody, in order. */
  fresh: FreshRecord[];
  /** Seals of epochs before this one are gone. */
  sweptEpoch: number;
  readonly owed: OwedNotices;
  readonly commits: CommitsUnderWay;
  isFlushScheduled: boolean;
  nextRetentionMs: number;
}

/** One step on its way: the state it owns, the time, the effects so far. */
export interface GroupTurn {
  readonly state: GroupState;
  readonly nowMs: number;
  readonly effects: GroupEffect[];
}

/** The state of a name under which nobody has created a group. */
export function emptyState(group: GroupId, settings: GroupSettings): GroupState {
  return {
    group,
    settings,
    now: undefined,
    flushed: undefined,
    oldestLife: 1,
    log: emptyLog(),
    pairs: new Map(),
    taken: new Map(),
    stages: new Map(),
    nodes: new Map(),
    marks: { all: new Map(), dirty: new Set(), changed: new Set(), isTellScheduled: false },
    fresh: [],
    sweptEpoch: 0,
    owed: {
      open: new Map(),
      since: new Map(),
      asked: new Set(),
      told: new Set(),
      retryMs: 0,
      isRetryScheduled: false,
    },
    commits: { begun: 0, done: 0, waiting: new Map(), bytes: 0 },
    isFlushScheduled: false,
    nextRetentionMs: 0,
  };
}

export function emptyLog(): LogState {
  return { head: LOG_START, headAt: 0, committed: LOG_START, floor: LOG_START };
}

/** Whether the group has members and goes on. */
export function isAlive(view: GroupView | undefined): view is GroupView {
  return view !== undefined && !view.roster.ended;
}

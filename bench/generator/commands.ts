/** What the benchmark asks of a load generator process, over the channel between parent and child. */
import type { GroupId, Incarnation, UserId } from '../../src/protocol/ids.ts';
import type { BenchAccount } from '../account.ts';
import type { CrowdSize } from './crowd.ts';
import type { Snapshot } from './tally.ts';

export interface FlowPlan {
  /** Users. */
  readonly from: string;
  readonly to: string;
}

/** The fate of one flow. */
export interface FlowState {
  readonly from: string;
  readonly to: string;
  readonly sent: number;
  readonly stored: number;
}

/** A group that was made for a run. */
export interface GroupMade {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
}

/** What members of a group are to send. */
export interface GroupLoad {
  readonly senders: readonly UserId[];
  /** Of each. */
  readonly messages: number;
  /** Of each, on their way at once. */
  readonly window: number;
  readonly bodyBytes: number;
}

export interface GroupCommands {
  /** Attaches these users, some at a time. */
  readonly groupAttach: (users: readonly UserId[]) => Promise<void>;
  /** Makes a group of these users; the first is its author, and attached here. */
  readonly groupMake: (name: string, members: readonly UserId[]) => Promise<GroupMade>;
  /** Subscribes these users; answers the newest entry. `fromStart`: they have nothing yet. */
  readonly groupFollow: (
    made: GroupMade,
    users: readonly UserId[],
    fromStart: boolean,
  ) => Promise<number>;
  readonly groupSend: (load: GroupLoad) => void;
  /** They pull all that they do not have. */
  readonly groupPull: (users: readonly UserId[], head: number) => void;
  /** Resolves when these users have everything up to `head`, in the order of everybody, and their messages are answered. */
  readonly groupReached: (users: readonly UserId[], head: number) => Promise<void>;
  /** Of the order in which the members here got the messages. */
  readonly groupDigest: () => string;
}

export interface Commands extends GroupCommands {
  /** Where the cluster is, and the accounts that this process may use. */
  readonly prepare: (world: {
    readonly url: string;
    readonly accounts: readonly BenchAccount[];
    readonly bodyBytes: number;
  }) => void;
  /** Makes accounts. */
  readonly register: (users: readonly string[]) => Promise<readonly BenchAccount[]>;
  /** Logs these users in by device proof, some at a time. */
  readonly attach: (users: readonly string[]) => Promise<void>;
  /** The senders are attached; recipients that are not are offline. Nothing is sent yet. */
  readonly plan: (flows: readonly FlowPlan[]) => void;
  /** Sends with so many messages of each flow on their way, until `stop` or `max` messages of each flow. */
  readonly saturate: (load: { readonly window: number; readonly max?: number }) => void;
  /** Sends so many messages a second over all flows. */
  readonly pace: (perSecond: number) => void;
  readonly stop: () => void;
  /** Resolves when nothing sent is unanswered. */
  readonly settle: () => Promise<void>;
  /** Pulls everything that waits; resolves when all users have it. */
  readonly drain: (
    users: readonly string[],
    keepCounters: boolean,
  ) => Promise<Readonly<Record<string, readonly number[]>>>;
  /** One login after the other per slot, each on a link of its own, until `stop`. */
  readonly login: (how: {
    readonly users: readonly string[];
    readonly slots: number;
    readonly by: 'password' | 'device';
    readonly resume: boolean;
  }) => void;
  /** Opens connections that never log in, and opens them again when they are closed. */
  readonly crowd: (size: CrowdSize) => void;
  /** Closes them; answers how often one was opened. */
  readonly disperse: () => number;
  readonly snapshot: () => Snapshot;
  readonly flows: () => readonly FlowState[];
  /** Drops all links; `isResuming`: the flows go on, from what was answered. */
  readonly drop: () => void;
  readonly accounts: () => readonly BenchAccount[];
}

export type CommandName = keyof Commands;
export type Answer<K extends CommandName> = Awaited<ReturnType<Commands[K]>>;

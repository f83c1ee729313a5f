/**
 * The verdict on groups: what was acknowledged stands in the log once, and everybody who was a member at its place has been
 * shown it once, in the order of the log, and nobody else has; every client sees the members that the log makes.
 */
import type { GroupId, UserId } from '../../src/protocol/ids.ts';
import type { ClusterJudge } from './cluster-judge.ts';
import type { EventLog } from './event-log.ts';
import { GroupLog } from './group-log.ts';
import type { PlacedMessage } from './group-log.ts';

/** A change that its author was told is made. */
interface Made {
  readonly group: GroupId;
  readonly type: string;
  readonly author: UserId;
  readonly user: UserId | undefined;
}

export class GroupJudge {
  readonly #log: EventLog;
  readonly #cluster: ClusterJudge;
  readonly #groups: readonly GroupId[];
  readonly #made: Made[] = [];
  /** Entries that nodes pushed to somebody's session. */
  readonly #handed: Array<readonly [group: GroupId, to: UserId, seq: number]> = [];

  constructor(groups: readonly GroupId[], log: EventLog, cluster: ClusterJudge) {
    this.#groups = groups;
    this.#log = log;
    this.#cluster = cluster;
  }

  made(change: Made): void {
    this.#made.push(change);
  }

  /** A node has pushed this entry to a session of the user. */
  handed(group: GroupId, to: UserId, seq: number): void {
    this.#handed.push([group, to, seq]);
  }

  /** Members as the log of each group has them; undefined: no node serves it. */
  members(group: GroupId): GroupLog['members'] | undefined {
    return this.#read(group)?.members;
  }

  /** What no later event can mend. */
  safetyViolations(): readonly string[] {
    return this.#logs().flatMap((log) => [
      ...log.mistakes,
      ...this.#unmade(log),
      ...this.#lost(log),
      ...this.#shownWrongly(log),
      ...this.#handedWrongly(log),
    ]);
  }

  /** After healing: everybody who was a member has been shown everything of that time. */
  livenessViolations(): readonly string[] {
    return this.#logs().flatMap((log) => {
      const shown = new Map(this.#log.displays(log.group));
      return log.messages.flatMap(({ id, from, members }) =>
        [...members.keys()]
          .filter((user) => user !== from && shown.get(user)?.includes(id) !== true)
          .map((user) => `${log.group}: ${id} was never displayed to ${user}, a member then`),
      );
    });
  }

  #logs(): readonly GroupLog[] {
    return this.#groups.flatMap((group) => this.#read(group) ?? []);
  }

  #read(group: GroupId): GroupLog | undefined {
    const place = this.#cluster.placeOf(group);
    return place === undefined ? undefined : new GroupLog(group, place.store, place.shard);
  }

  #unmade(log: GroupLog): readonly string[] {
    const isThere = ({ type, author, user }: Made): boolean =>
      log.changes.some(
        (change) =>
          change.type === type && change.author === author && (change.user ?? user) === user,
      );
    return this.#made
      .filter((made) => made.group === log.group && !isThere(made))
      .map(
        ({ type, author, user }) =>
          `${log.group}: ${type} ${user ?? ''} by ${author} was acknowledged and is lost`,
      );
  }

  #lost({ group, messages }: GroupLog): readonly string[] {
    const placed = new Set(messages.map(({ id }) => id));
    return this.#log
      .acknowledgedTo(group)
      .filter((id) => !placed.has(id))
      .map((id) => `${group}: ${id} was acknowledged and is lost`);
  }

  #shownWrongly({ group, messages }: GroupLog): readonly string[] {
    return this.#log.displays(group).flatMap(([user, ids]) => {
      const places = ids.map((id) => placeFor(user, id, messages));
      const wrong = places.flatMap((place, index) =>
        place === undefined
          ? [`${group}: ${ids[index]} was displayed to ${user}, a stranger then`]
          : [],
      );
      const seqs = places.flatMap((place) => place?.seq ?? []);
      const isDisorder = seqs.some((seq, index) => seq <= (seqs[index - 1] ?? 0));
      if (!isDisorder) return wrong;
      return [...wrong, `${group}: ${user} was not shown the order of the log: ${ids.join(' ')}`];
    });
  }

  #handedWrongly(log: GroupLog): readonly string[] {
    return this.#handed
      .filter(([group, to, seq]) => group === log.group && !log.isFor(to, seq))
      .map(([group, to, seq]) => `${group}: ${to} was handed entry ${seq}, which was not for them`);
  }
}

/** Where the user was to be shown it. */
function placeFor(
  user: UserId,
  id: string,
  messages: readonly PlacedMessage[],
): PlacedMessage | undefined {
  return messages.find((message) => message.id === id && message.members.has(user));
}

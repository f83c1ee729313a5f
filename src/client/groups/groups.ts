/** The groups of this account: which there are, their feeds, and how messages to them are sealed. */
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { Timer } from '../../ops/clock.ts';
import type { Push } from '../../protocol/client-calls.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import { membershipsMark } from '../../protocol/group-facts.ts';
import type { Membership, Subscription } from '../../protocol/group-facts.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import {
  GROUP_SUBSCRIBE_RETRY_MS,
  GROUP_SUBSCRIPTIONS_MAX,
  REQUEST_TIMEOUT_MS,
} from '../../protocol/limits.ts';
import type { Connection } from '../connection/connection.ts';
import type { Session } from '../connection/establish.ts';
import type { GroupSummary } from '../group-api.ts';
import { isPassing } from '../outbox/refusals.ts';
import { groupSealing } from '../outbox/sealing.ts';
import type { TrustedSealing } from '../outbox/sealing.ts';
import type { GroupPlace } from '../reads.ts';
import { groupRecord } from '../store/group-records.ts';
import type { StoreKeys } from '../store/keys.ts';
import { within } from '../within.ts';
import { GroupFeed } from './feed.ts';
import type { FeedPorts } from './feed.ts';
import { LocalGroup } from './local-group.ts';
import { noSuchGroup } from './operations.ts';

export interface GroupsPorts extends FeedPorts {
  readonly self: UserId;
  readonly suite: OpeningSuite;
  readonly keys: StoreKeys;
  readonly connection: Connection;
}

type GroupPush<T extends Push['type']> = Extract<Push, { type: T }>;

export class Groups {
  readonly #ports: GroupsPorts;
  readonly #feeds = new Map<GroupId, GroupFeed>();
  /** Messages that no device has got, as the groups said at the start of this session. */
  #pending = 0;
  /** Settles when every group of this session has said where it stands. */
  #attached: Promise<void> = Promise.resolve();
  /** Positions of the memberships that the account's actor has told in this session. */
  readonly #told = new Map<GroupId, Pick<Membership, 'position'>>();
  /** Groups whose nodes could not answer. */
  readonly #later = new Set<GroupId>();
  #retry: Timer | undefined;

  constructor(ports: GroupsPorts) {
    this.#ports = ports;
    for (const { value } of ports.store.all(ports.keys.groups, groupRecord))
      this.#put(LocalGroup.load(ports, value));
  }

  /** As `list`, once what this session knows of was read, or that took too long. */
  async known(withinMs: number): Promise<readonly GroupSummary[]> {
    const { clock, connection } = this.#ports;
    if (connection.session !== undefined) await within(clock, withinMs, this.caughtUp());
    return this.list();
  }

  /** Members only, by name. */
  list(): readonly GroupSummary[] {
    const list: GroupSummary[] = [];
    for (const { local } of this.#feeds.values()) {
      const role = local.roleOf(this.#ports.self);
      const { title = '', topic = '' } = local.facts.profile ?? {};
      if (role !== undefined) list.push({ group: local.group, title, topic, role });
    }
    return list.sort((a, b) => (a.group < b.group ? -1 : 1));
  }

  feed(group: GroupId): GroupFeed | undefined {
    return this.#feeds.get(group);
  }

  all(): Iterable<GroupFeed> {
    return this.#feeds.values();
  }

  /** The feed of a group that this account is a member of, read as far as is known. @throws E_NO_SUCH_GROUP, E_UNREACHABLE */
  async mine(group: GroupId): Promise<GroupFeed> {
    const session = await this.#ports.connection.online(REQUEST_TIMEOUT_MS);
    await this.#attached;
    // The account's actor may not have been told yet, or nothing was read so far; the group itself knows.
    if (this.#feeds.get(group)?.local.roleOf(this.#ports.self) === undefined)
      await this.#subscribe(session, [group]);
    const feed = this.#feeds.get(group);
    if (feed === undefined && this.#later.has(group))
      throw new FastChatError('E_UNREACHABLE', `no node can say now whether there is ${group}`);
    if (feed === undefined || feed.local.isFormer) throw noSuchGroup(group);
    await feed.reached();
    if (feed.local.roleOf(this.#ports.self) === undefined) throw noSuchGroup(group);
    return feed;
  }

  /** @throws E_NO_SUCH_GROUP; E_NOT_ADMIN for an observer */
  async checkWriter(group: GroupId): Promise<void> {
    const { connection, self } = this.#ports;
    if (this.#feeds.get(group)?.local.roleOf(self) === undefined && connection.isStarted)
      await this.mine(group);
    const role = this.#feeds.get(group)?.local.roleOf(self);
    if (role === undefined) throw noSuchGroup(group);
    if (role === 'observer')
      throw new FastChatError('E_NOT_ADMIN', `you may read ${group}, not write to it`);
  }

  /** What messages to the group are sealed with, if this device need not ask anybody. */
  cachedSealing(group: GroupId): TrustedSealing | undefined {
    const local = this.#feeds.get(group)?.local;
    const { roster } = local?.facts ?? {};
    if (local === undefined || roster === undefined || roster.rekeyDue) return undefined;
    if (local.roleOf(this.#ports.self) === undefined) return undefined;
    const key = local.keyring.keyOf(roster.epoch);
    if (key === undefined) return undefined;
    return { sealing: groupSealing(this.#ports.suite, local.incarnation, key), trust: 'pinned' };
  }

  /** Asks for the key of the present epoch, if it came sealed and was not needed so far. */
  async learnKey(group: GroupId): Promise<void> {
    const local = this.#feeds.get(group)?.local;
    const missing = local?.keyring.missingFor(local.facts.roster?.epoch ?? 0);
    if (local !== undefined && missing !== undefined)
      await this.#ports.calls.learnKeys(local, missing);
  }

  /** The session is there: asks which groups there are and where each stands. */
  attached(session: Session): void {
    this.#pending = 0;
    this.#later.clear();
    this.#retry?.cancel();
    for (const feed of this.#feeds.values()) feed.restart();
    this.#attached = this.#attach(session);
  }

  /** Resolves when every group has said where it stands, or a session is not there to be asked by any more. */
  ready(): Promise<void> {
    return this.#attached;
  }

  /** Messages waiting in groups. One that cannot answer in time counts for nothing: what waits in it comes all the same. */
  async pending(withinMs: number): Promise<number> {
    await within(this.#ports.clock, withinMs, this.#attached);
    return this.#pending;
  }

  /** Resolves when every group was read up to where it stood at login. */
  async caughtUp(): Promise<void> {
    await this.#attached;
    await Promise.all([...this.#feeds.values()].map((feed) => feed.reached()));
  }

  /** This account has made a group: its feed begins. */
  async created(group: GroupId, incarnation: Incarnation, key: SecretBytes): Promise<GroupFeed> {
    const feed = this.#ensure(group, incarnation);
    feed.local.keyring.offer(key);
    const session = await this.#ports.connection.online(REQUEST_TIMEOUT_MS);
    await this.#subscribe(session, [group]);
    return feed;
  }

  /** A keep-alive tells the mark of all memberships: another one than is known here means that a push was lost. */
  compare(mark: number): void {
    const { session } = this.#ports.connection;
    if (session === undefined || mark === membershipsMark(this.#told.values())) return;
    this.#ports.events.background(this.#attached.then(() => this.#attach(session)));
  }

  /** The account's actor tells of a membership. */
  membership(membership: Membership): void {
    this.#told.set(membership.group, membership);
    const session = this.#ports.connection.session;
    const feed = this.#hear(membership);
    if (session === undefined || feed === undefined) return;
    const { role, group } = membership;
    // What ended it stands in the log, and may not have been pushed.
    if (role === undefined) this.#ports.events.background(feed.refresh());
    // Also for whom we take to be a member: put out and let in again, the node pushes nothing any more.
    else this.#ports.events.background(this.#subscribe(session, [group]));
  }

  pushed({ group, incarnation, entries }: GroupPush<'groupEntries'>): void {
    this.#of(group, incarnation)?.pushed(entries);
  }

  noticed({ group, incarnation, head }: GroupPush<'groupHead'>): void {
    this.#of(group, incarnation)?.noticed(head);
  }

  ended(error: FastChatError): void {
    for (const feed of this.#feeds.values()) feed.ended(error);
  }

  /** Resolves when an entry of a group is in the store; also when it does not come in time, or at all. */
  placed(group: GroupId, incarnation: Incarnation, seq: number): Promise<void> {
    const reached = this.#of(group, incarnation)?.reached(seq) ?? Promise.resolve();
    return within(this.#ports.clock, REQUEST_TIMEOUT_MS, reached);
  }

  /** A person has read a group's log up to here. */
  async read(group: GroupId, { incarnation, logSeq }: GroupPlace): Promise<void> {
    const feed = this.#of(group, incarnation);
    if (feed === undefined) return;
    const isNews = await this.#ports.store.transact((tx) => feed.local.readUpTo(tx, logSeq));
    if (isNews) feed.tellRead();
  }

  /** Asks until there is an answer, or another session. Never rejects. */
  async #attach(session: Session): Promise<void> {
    const { clock, connection, events } = this.#ports;
    while (connection.session === session)
      try {
        return await this.#learnGroups(session);
      } catch (cause) {
        const error = asFastChatError(cause);
        if (!isPassing(error)) return events.suspect(error);
        const delayMs = error.retryAfterMs ?? GROUP_SUBSCRIBE_RETRY_MS;
        await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      }
  }

  async #learnGroups(session: Session): Promise<void> {
    const { groups } = await session.link.call('groups', {});
    this.#told.clear();
    const wanted = new Set<GroupId>();
    for (const membership of groups) {
      this.#told.set(membership.group, membership);
      this.#hear(membership);
      if (membership.role !== undefined) wanted.add(membership.group);
      else this.#feeds.get(membership.group)?.hearEnd(membership);
    }
    // Left out by a node, or ended by it, a group that this device knows may still be one: the group itself is the truth.
    for (const { local } of this.#feeds.values()) if (!local.isFormer) wanted.add(local.group);
    const names = [...wanted];
    for (let from = 0; from < names.length; from += GROUP_SUBSCRIPTIONS_MAX)
      await this.#subscribe(session, names.slice(from, from + GROUP_SUBSCRIPTIONS_MAX));
  }

  async #subscribe({ link }: Session, names: readonly GroupId[]): Promise<void> {
    const { groups } = await link.call('subscribe', { groups: names });
    for (const subscription of groups) await this.#subscribed(subscription);
    if (this.#later.size > 0) this.#retryLater();
  }

  async #subscribed({ group, standing, later }: Subscription): Promise<void> {
    if (later) return void this.#later.add(group);
    this.#later.delete(group);
    const feed = this.#feeds.get(group);
    // No member (any more): whatever says so is the last thing that this account may read.
    if (standing === undefined)
      return feed?.local.isFormer === false ? await feed.refresh() : undefined;
    const present = this.#ensure(group, standing.incarnation);
    // What this device has got, a device has got, whatever the group has heard of that.
    const missing = Math.max(0, standing.head - present.local.cursor);
    this.#pending += Math.min(standing.pending, missing);
    present.attached(standing);
  }

  #retryLater(): void {
    const { clock, connection, events } = this.#ports;
    this.#retry?.cancel();
    this.#retry = clock.after(GROUP_SUBSCRIBE_RETRY_MS, () => {
      const { session } = connection;
      const names = [...this.#later].slice(0, GROUP_SUBSCRIPTIONS_MAX);
      if (session === undefined || names.length === 0) return;
      this.#subscribe(session, names).catch((cause: unknown) => {
        events.suspect(cause);
        this.#retryLater();
      });
    });
  }

  /** Takes a group in that this account was let into, even if it was put out again before this device heard of it. */
  #hear({ group, incarnation, role }: Membership): GroupFeed | undefined {
    const feed = this.#feeds.get(group);
    const isNew = role !== undefined || feed === undefined;
    return isNew ? this.#ensure(group, incarnation) : this.#of(group, incarnation);
  }

  #of(group: GroupId, incarnation: Incarnation): GroupFeed | undefined {
    const feed = this.#feeds.get(group);
    return feed?.local.incarnation === incarnation ? feed : undefined;
  }

  /** A name that was created again is another group: nothing of the old one counts. */
  #ensure(group: GroupId, incarnation: Incarnation): GroupFeed {
    const known = this.#of(group, incarnation);
    if (known !== undefined) return known;
    return this.#put(new LocalGroup(this.#ports, { group, incarnation }));
  }

  #put(local: LocalGroup): GroupFeed {
    const feed = new GroupFeed(this.#ports, local, this.#feeds.get(local.group)?.finish());
    this.#feeds.set(local.group, feed);
    return feed;
  }
}

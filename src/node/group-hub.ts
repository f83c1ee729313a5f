/**
 * The groups that sessions of this node want, and the one frame per node that a group's news travels in: taken here,
 * handed to every local session that subscribed. Soft: leases with the groups' actors are renewed, and taken again at once
 * when a group's shard has a new owner.
 *
 * H1  A session gets a group's entries only after the group's actor has said that its user is a member.
 * H2  News that was lost shows: entries are dense, and a renewal tells the newest one.
 */
import type { Courier } from '../actors/ports.ts';
import { planRelays } from '../actors/balancer/relays.ts';
import type { GroupSessions } from '../actors/session/group-port.ts';
import type { MeshPort } from '../cluster/mesh-port.ts';
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { Outcome } from '../protocol/calls.ts';
import type { Push } from '../protocol/client-calls.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { FastChatError } from '../protocol/errors.ts';
import type { GroupReply } from '../protocol/group-calls.ts';
import type { GroupMark, GroupNews } from '../protocol/group-facts.ts';
import type { GroupId, NodeId, UserId } from '../protocol/ids.ts';
import {
  ANNOUNCE_RETRY_MS,
  GROUP_INTEREST_LEASE_MS,
  GROUP_RENEWAL_STEP_MS,
} from '../protocol/limits.ts';
import { groupFrame } from '../protocol/node-messages.ts';
import { ownCopy } from '../protocol/own-copy.ts';
import { LocalGroup } from './local-group.ts';
import { MarkGatherer } from './mark-gatherer.ts';

export interface GroupHubPorts {
  readonly self: NodeId;
  readonly mesh: Pick<MeshPort, 'serve' | 'tell'>;
  readonly courier: Courier;
  readonly clock: Clock;
  readonly random: Random;
  /** What every node that lives said of its load. */
  readonly loads: () => ReadonlyMap<NodeId, number>;
  /** Hands a push to a session of this node. */
  readonly deliver: (session: number, push: Push) => void;
}

/** What the hub has handed out, for the operator: one frame goes to each interested node, whatever the number of members. */
export interface GroupFanOut {
  /** Entries of groups that are owned here. */
  entries: number;
  /** Mesh frames sent with entries, also as a relay, and the entries in them. */
  frames: number;
  copies: number;
  /** Frames that could not be sent: a peer is down or its outbox full. */
  lost: number;
}

export class GroupHub implements GroupSessions {
  readonly #ports: GroupHubPorts;
  readonly #groups = new Map<GroupId, LocalGroup>();
  readonly #groupsOf = new Map<number, Set<GroupId>>();
  readonly #marks: MarkGatherer;
  readonly #ticker: Timer;
  readonly #fanOut: GroupFanOut = { entries: 0, frames: 0, copies: 0, lost: 0 };

  /** Serves the mesh service `group`. */
  constructor(ports: GroupHubPorts) {
    this.#ports = ports;
    this.#marks = new MarkGatherer(ports.clock, (group, request) =>
      ports.courier.tell(group, request),
    );
    this.#ticker = every(ports.clock, GROUP_RENEWAL_STEP_MS, () => this.#renewDue());
    ports.mesh.serve('group', { tell: (_, payload) => this.#arrived(payload) });
  }

  /** Groups with interested sessions here. */
  get size(): number {
    return this.#groups.size;
  }

  get counts(): Readonly<GroupFanOut> {
    return this.#fanOut;
  }

  subscribe(
    session: { readonly number: number; readonly user: UserId },
    group: GroupId,
    done: (outcome: Outcome<GroupReply<'groupSubscribe'>>) => void,
  ): void {
    const { courier, self } = this.#ports;
    const { number, user } = session;
    // From now on, so that nothing that comes before the answer is missed.
    const local = this.#localOf(group);
    local.asking += 1;
    courier.ask(group, { type: 'groupSubscribe', node: self, user }, (outcome) => {
      local.asking -= 1;
      if (outcome.ok) this.#admit(local, number, user);
      done(outcome);
      if (outcome.ok && local.newest > outcome.value.head) {
        const { incarnation } = outcome.value;
        this.#deliver([number], { type: 'groupHead', group, incarnation, head: local.newest });
      }
      this.#forgetEmpty(local);
    });
  }

  acknowledge(
    group: GroupId,
    incarnation: GroupReply<'groupSubscribe'>['incarnation'],
    mark: GroupMark,
  ): void {
    this.#marks.add(group, incarnation, mark);
  }

  leave(session: number): void {
    for (const group of this.#groupsOf.get(session) ?? []) {
      const local = this.#groups.get(group);
      if (local === undefined) continue;
      local.sessions.delete(session);
      // The group tells who is online by what it heard last.
      local.renewAtMs = this.#ports.clock.mono();
      this.#forgetEmpty(local);
    }
    this.#groupsOf.delete(session);
  }

  /** Groups whose shard has a new owner, which does not know of this node yet. */
  announce(isMoved: (group: GroupId) => boolean): void {
    for (const local of this.#groups.values()) if (isMoved(local.group)) this.#renew(local);
  }

  /** Hands a group's news to the interested sessions of each of these nodes, once per node; best effort. */
  fanOut(nodes: readonly NodeId[], news: GroupNews): void {
    const { self, loads, random } = this.#ports;
    const others = nodes.filter((node) => node !== self);
    this.#fanOut.entries += entriesOf(news);
    if (others.length < nodes.length) this.#take(news);
    if (others.length > 0) this.#send(planRelays(others, loads(), random.fraction()), news);
  }

  stop(): void {
    this.#ticker.cancel();
    this.#marks.stop();
  }

  #send(relays: ReturnType<typeof planRelays>, news: GroupNews): void {
    let direct: Uint8Array | undefined;
    for (const { node, onward } of relays) {
      // The same bytes for everybody who only listens.
      if (onward.length === 0) direct ??= encode(groupFrame, { news, onward });
      const payload = (onward.length === 0 && direct) || encode(groupFrame, { news, onward });
      this.#count(this.#ports.mesh.tell(node, 'group', payload), entriesOf(news));
    }
  }

  #count(isSent: boolean, entries: number): void {
    if (!isSent) this.#fanOut.lost += 1;
    else if (entries > 0) {
      this.#fanOut.frames += 1;
      this.#fanOut.copies += entries;
    }
  }

  #arrived(payload: Uint8Array): void {
    // Sessions may hold entries back for slow clients, longer than the frame lives.
    const { news, onward } = decode(groupFrame, ownCopy(payload));
    this.#take(news);
    this.#send(
      onward.map((node) => ({ node, onward: [] })),
      news,
    );
  }

  #take(news: GroupNews): void {
    const local = this.#groups.get(news.group);
    if (local === undefined) return;
    const { type, ...fields } = news;
    if (type === 'marks')
      return this.#deliver(local.sessions.keys(), { ...news, type: 'groupMarks' });
    const { group, incarnation, entries, ended } = fields as Extract<
      GroupNews,
      { type: 'entries' }
    >;
    local.newest = Math.max(local.newest, entries.at(-1)?.seq ?? 0);
    this.#deliver(local.sessions.keys(), { type: 'groupEntries', group, incarnation, entries });
    if (ended.length > 0) this.#end(local, new Set(ended));
  }

  #deliver(sessions: Iterable<number>, push: Push): void {
    for (const session of sessions) this.#ports.deliver(session, push);
  }

  #localOf(group: GroupId): LocalGroup {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const renewAtMs = this.#ports.clock.mono() + GROUP_INTEREST_LEASE_MS / 2;
    const fresh = new LocalGroup(group, renewAtMs);
    this.#groups.set(group, fresh);
    return fresh;
  }

  #admit(local: LocalGroup, session: number, user: UserId): void {
    local.sessions.set(session, user);
    const groups = this.#groupsOf.get(session) ?? new Set();
    this.#groupsOf.set(session, groups.add(local.group));
  }

  #end(local: LocalGroup, ended: ReadonlySet<UserId>): void {
    for (const [session, user] of local.sessions) {
      if (!ended.has(user)) continue;
      local.sessions.delete(session);
      this.#groupsOf.get(session)?.delete(local.group);
    }
    this.#forgetEmpty(local);
  }

  /** Tells the group that nobody listens here any more; lost, the lease ends by itself. */
  #forgetEmpty(local: LocalGroup): void {
    const { group } = local;
    if (local.sessions.size > 0 || local.asking > 0 || this.#groups.get(group) !== local) return;
    this.#groups.delete(group);
    const { courier, self } = this.#ports;
    courier.tell(group, { type: 'groupInterest', node: self, users: [] });
  }

  #renewDue(): void {
    const nowMs = this.#ports.clock.mono();
    for (const local of this.#groups.values()) if (local.renewAtMs <= nowMs) this.#renew(local);
  }

  #renew(local: LocalGroup): void {
    const { courier, self, clock } = this.#ports;
    if (local.sessions.size === 0) return;
    local.renewAtMs = clock.mono() + GROUP_INTEREST_LEASE_MS / 2;
    const users = [...new Set(local.sessions.values())];
    courier.ask(local.group, { type: 'groupInterest', node: self, users }, (outcome) => {
      if (outcome.ok) this.#renewed(local, outcome.value);
      else this.#notRenewed(local, outcome.error);
    });
  }

  #renewed(local: LocalGroup, { incarnation, head, ended }: GroupReply<'groupInterest'>): void {
    const { group } = local;
    if (head > local.newest) {
      local.newest = head;
      this.#deliver(local.sessions.keys(), { type: 'groupHead', group, incarnation, head });
    }
    if (ended.length > 0) this.#end(local, new Set(ended));
  }

  #notRenewed(local: LocalGroup, { code }: FastChatError): void {
    if (code === 'E_NO_SUCH_GROUP') this.#end(local, new Set(local.sessions.values()));
    else local.renewAtMs = this.#ports.clock.mono() + ANNOUNCE_RETRY_MS;
  }
}

function entriesOf(news: GroupNews): number {
  return news.type === 'entries' ? news.entries.length : 0;
}

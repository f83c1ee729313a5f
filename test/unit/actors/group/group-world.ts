/** One group actor under the simulated host, with members who really sign and seal, on a store whose flushes a test decides. */
import type { ActorStore, Courier } from '../../../../src/actors/ports.ts';
import { groupBehaviour } from '../../../../src/actors/group/actor.ts';
import { GroupReader } from '../../../../src/actors/group/group-reader.ts';
import type { GroupInbound } from '../../../../src/actors/group/messages.ts';
import type { GroupSettings } from '../../../../src/actors/group/state.ts';
import type { ActorFamily, ActorHost } from '../../../../src/actors/runtime/actor-host.ts';
import { createVirtualHost } from '../../../../src/actors/runtime/virtual-host.ts';
import { currentBoxKey } from '../../../../src/crypto/opening/vault.ts';
import type { OpeningSuite } from '../../../../src/crypto/suite.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import type { Outcome } from '../../../../src/protocol/calls.ts';
import type { Envelope } from '../../../../src/protocol/envelope.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type {
  AnyGroupReply,
  GroupReply,
  GroupRequest,
} from '../../../../src/protocol/group-calls.ts';
import type { GroupNews, Membership } from '../../../../src/protocol/group-facts.ts';
import type { GroupChange, GroupRole, MemberSeal } from '../../../../src/protocol/group-log.ts';
import { parseNodeId, parseUserId } from '../../../../src/protocol/ids.ts';
import type { NodeId, UserId } from '../../../../src/protocol/ids.ts';
import { DEFAULT_LIMITS, HISTORY_RETENTION_DEFAULT_MS } from '../../../../src/protocol/limits.ts';
import { MemoryActorStore, recordCodec } from '../../../support/memory-actor-store.ts';
import { Member, life, must, people, team } from '../../crypto/group-people.ts';
import type { People, Sent } from '../../crypto/group-people.ts';
import { transparentSuite } from '../../crypto/people.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const [ann, bob, carl, dora, eve] = ['ann', 'bob', 'carl', 'dora', 'eve'].map(
  parseUserId,
) as [UserId, UserId, UserId, UserId, UserId];
export const n1 = parseNodeId('n1');
export const n2 = parseNodeId('n2');

export const FOUNDED = [
  { user: bob, role: 'admin' },
  { user: carl, role: 'member' },
  { user: dora, role: 'observer' },
] as const satisfies ReadonlyArray<{ readonly user: UserId; readonly role: GroupRole }>;

const crashed = new FastChatError('E_MOVED', 'the node crashed');
const RETENTION_MS = HISTORY_RETENTION_DEFAULT_MS;

export interface WorldOptions {
  readonly seed?: number;
  readonly isEager?: boolean;
  readonly groupMembers?: number;
  readonly mailboxMessages?: number;
  readonly everybody?: readonly string[];
}

type AnyOutcome = Outcome<AnyGroupReply>;

export class GroupWorld {
  readonly clock: VirtualClock;
  readonly store: MemoryActorStore;
  readonly suite: OpeningSuite;
  readonly everybody: People;
  /** As their clients see the group. */
  readonly members = new Map<UserId, Member>();
  readonly fanned: Array<readonly [nodes: readonly NodeId[], news: GroupNews]> = [];
  readonly told: Array<readonly [user: UserId, told: Membership]> = [];
  /** What users' actors answer to a membership; undefined: not at all. */
  owedAnswer: Outcome<object> | undefined = { ok: true, value: {} };
  /** Answers that users' actors owe while `owedAnswer` is undefined. */
  readonly unanswered: Array<() => void> = [];
  areUsersReachable = true;
  readonly #settings: GroupSettings;
  readonly #seed: number;
  #host: ActorHost;
  #family: ActorFamily<GroupInbound>;
  /** Counts crashes: what an earlier node still does reaches nobody. */
  #node = 0;

  constructor(options: WorldOptions = {}) {
    this.#seed = options.seed ?? 1;
    const { groupMembers = 1000, mailboxMessages = DEFAULT_LIMITS.mailboxMessages } = options;
    const limits = { ...DEFAULT_LIMITS, groupMembers, mailboxMessages };
    const mailboxTtlMs = RETENTION_MS;
    this.#settings = { limits, mailboxTtlMs, historyRetentionMs: RETENTION_MS };
    this.suite = transparentSuite(this.#seed);
    const names = options.everybody ?? ['ann', 'bob', 'carl', 'dora', 'eve'];
    this.everybody = people(this.suite, ...names);
    this.clock = new VirtualClock({ seed: this.#seed, startMs: START_MS });
    this.store = new MemoryActorStore({ isEager: options.isEager ?? true });
    this.#host = this.#makeHost();
    this.#family = this.#makeFamily();
  }

  get host(): ActorHost {
    return this.#host;
  }

  /** Created by ann with bob (admin), carl (member) and dora (observer), all of whom know it. */
  static async founded(options: WorldOptions = {}): Promise<GroupWorld> {
    const world = new GroupWorld(options);
    const sent = world.member(ann).create({ type: 'create', members: FOUNDED });
    await world.operate(ann, sent);
    await world.flush();
    for (const { user } of FOUNDED) world.member(user);
    world.follow(sent);
    return world;
  }

  member(user: UserId): Member {
    const known = this.members.get(user);
    if (known !== undefined) return known;
    const fresh = new Member(this.suite, this.everybody, user);
    this.members.set(user, fresh);
    return fresh;
  }

  /** Lets every member's client follow an operation. */
  follow(sent: Sent): void {
    for (const member of this.members.values()) member.take(sent);
  }

  /** Makes an operation, has it taken, and lets every client follow. @throws what it is refused with */
  async change(author: UserId, change: GroupChange): Promise<GroupReply<'groupOperate'>> {
    const sent = this.member(author).make(change);
    const reply = await this.value(this.operation(author, sent));
    this.follow(sent);
    return reply;
  }

  operation(author: UserId, sent: Sent): Extract<GroupRequest, { type: 'groupOperate' }> {
    return { type: 'groupOperate', author, signed: sent.signed, seals: this.seals(sent) };
  }

  seals(sent: Sent): MemberSeal[] {
    return [...sent.seals].map(([user, sealed]) => {
      const { epoch } = currentBoxKey(must(this.everybody.get(user)).vault);
      return { user, boxEpoch: epoch, sealed };
    });
  }

  operate(author: UserId, sent: Sent): Promise<Outcome<GroupReply<'groupOperate'>> | undefined> {
    return this.ask(this.operation(author, sent));
  }

  envelope(from: UserId, counter: number, text = `${from} ${counter}`): Envelope {
    return this.member(from).say(text, { counter, id: `m${counter}` as never });
  }

  say(from: UserId, counter: number): Promise<Outcome<GroupReply<'groupAppend'>> | undefined> {
    return this.ask({ type: 'groupAppend', envelope: this.envelope(from, counter) });
  }

  /** Asks and answers what came back so far, after everything that can happen now has happened. */
  async ask<R extends GroupRequest>(
    request: R,
  ): Promise<Outcome<GroupReply<R['type']>> | undefined> {
    let answer: AnyOutcome | undefined;
    this.tell(request, (outcome) => {
      answer = outcome;
    });
    await this.settle();
    return answer as Outcome<GroupReply<R['type']>> | undefined;
  }

  /** The value of an answer; flushes if need be. @throws the refusal */
  async value<R extends GroupRequest>(request: R): Promise<GroupReply<R['type']>> {
    let answer: AnyOutcome | undefined;
    this.tell(request, (outcome) => {
      answer = outcome;
    });
    await this.flush();
    const outcome = must(answer);
    if (!outcome.ok) throw outcome.error;
    return outcome.value as GroupReply<R['type']>;
  }

  /** The code of a refusal; `done` when there is none, undefined when there is no answer yet. */
  async code(request: GroupRequest): Promise<string | undefined> {
    const outcome = await this.ask(request);
    if (outcome === undefined) return undefined;
    return outcome.ok ? 'done' : outcome.error.code;
  }

  tell(request: GroupRequest, done?: (outcome: AnyOutcome) => void): void {
    const ask = { type: request.type, request };
    this.#family.tell(team, done === undefined ? ask : { ...ask, done });
  }

  tick(): void {
    this.#family.tell(team, { type: 'tick' });
  }

  /** Lets everything that needs no flush and no time happen. */
  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  /** Flushes until nothing more is committed. */
  async flush(): Promise<void> {
    await this.settle();
    while (this.store.pendingCommits > 0) {
      this.store.flush();
      await this.settle();
    }
  }

  /** Time passes, flushing on the way. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.flush();
  }

  /** The node dies: what was not flushed is gone, a new node takes over. */
  async crash(): Promise<void> {
    const dead = this.#host;
    this.store.crash();
    this.#node += 1;
    this.#host = this.#makeHost();
    this.#family = this.#makeFamily();
    // Not awaited: what the dead node had under way never ends.
    void dead.stopAll(crashed);
    await this.settle();
  }

  /** The actor moves away in good order. */
  async restart(): Promise<void> {
    void this.#host.stop(team, crashed);
    await this.settle();
  }

  /** What is on the disk. */
  durable(): GroupReader {
    return new GroupReader(team, this.store.durable(), recordCodec);
  }

  /** Every key on the disk. */
  durableKeys(): number {
    return this.store.durable().range(Buffer.from('#'), Buffer.from('$')).length;
  }

  info(asker: UserId = ann): Promise<GroupReply<'groupInfo'>> {
    return this.value({ type: 'groupInfo', asker });
  }

  pull(asker: UserId, from = 1, limit = 256, incarnation = life): Promise<GroupReply<'groupPull'>> {
    return this.value({ type: 'groupPull', asker, incarnation, from, limit });
  }

  subscribe(user: UserId, node: NodeId = n1): Promise<GroupReply<'groupSubscribe'>> {
    return this.value({ type: 'groupSubscribe', node, user });
  }

  #makeHost(): ActorHost {
    const random = seededRandom(this.#seed);
    return createVirtualHost({ clock: this.clock, log: silentLog, random });
  }

  #makeFamily(): ActorFamily<GroupInbound> {
    const node = this.#node;
    const ports = {
      clock: this.clock,
      courier: this.#courier(),
      codec: recordCodec,
      meter: { count: () => undefined, delivered: () => undefined },
      suite: this.suite,
      settings: this.#settings,
      fanOut: (nodes: readonly NodeId[], news: GroupNews) => {
        if (node === this.#node) this.fanned.push([nodes, news]);
      },
      storeOf: () => this.#storeOfNode(node),
    };
    return this.#host.family((id) => groupBehaviour(id as typeof team, ports));
  }

  #storeOfNode(node: number): ActorStore {
    const { store } = this;
    return {
      commit: (writes) => (node === this.#node ? store.commit(writes) : Promise.reject(crashed)),
      get: (key) => store.get(key),
      range: (from, to, options) => store.range(from, to, options),
      settled: () => store.settled(),
    };
  }

  #courier(): Courier {
    const unreachable = new FastChatError('E_UNREACHABLE', 'not now');
    return {
      ask: (to, request, done) => {
        if (request.type === 'keys') {
          const known = this.everybody.get(to as UserId);
          const error = this.areUsersReachable
            ? new FastChatError('E_NO_SUCH_USER', 'nobody')
            : unreachable;
          const isThere = known !== undefined && this.areUsersReachable;
          const identity = known?.vault.identity.publicKey;
          done((isThere ? { ok: true, value: { identity } } : { ok: false, error }) as never);
        } else if (request.type === 'membership') {
          const { type: _, ...told } = request as { readonly type: string } & Membership;
          this.told.push([to as UserId, told]);
          if (this.owedAnswer !== undefined) done(this.owedAnswer as never);
          else this.unanswered.push(() => done({ ok: true, value: {} } as never));
        }
      },
      tell: () => undefined,
      push: () => undefined,
    };
  }
}

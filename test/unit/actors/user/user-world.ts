/** One user actor under the simulated host, on a store whose flushes and crashes the test decides. */
import type { ActorStore, Courier } from '../../../../src/actors/ports.ts';
import type { ActorFamily, ActorHost } from '../../../../src/actors/runtime/actor-host.ts';
import { createVirtualHost } from '../../../../src/actors/runtime/virtual-host.ts';
import { userBehaviour } from '../../../../src/actors/user/actor.ts';
import { MailboxReader } from '../../../../src/actors/user/mailbox-reader.ts';
import type { UserInbound } from '../../../../src/actors/user/messages.ts';
import type { UserSettings } from '../../../../src/actors/user/state.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import type { Outcome } from '../../../../src/protocol/calls.ts';
import type { Push } from '../../../../src/protocol/client-calls.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import type { UserId } from '../../../../src/protocol/ids.ts';
import type {
  AnyUserReply,
  SessionRef,
  UserReply,
  UserRequest,
} from '../../../../src/protocol/user-calls.ts';
import { MemoryActorStore, recordCodec } from '../../../support/memory-actor-store.ts';
import { START_MS, alice, settings } from './fixtures.ts';

const crashed = new FastChatError('E_MOVED', 'the node crashed');

export type AnyOutcome = Outcome<AnyUserReply>;

export class UserWorld {
  readonly clock: VirtualClock;
  readonly store: MemoryActorStore;
  readonly told: Array<readonly [to: UserId, request: UserRequest]> = [];
  readonly pushed: Array<readonly [session: number, push: Push]> = [];
  /** What owed notices are answered; undefined: not at all. */
  owedAnswer: AnyOutcome | undefined = { ok: true, value: {} };
  onPush: (push: Push) => void = () => undefined;
  readonly counted = new Map<string, number>();
  readonly waitedMs: number[] = [];
  readonly #settings: UserSettings;
  #host: ActorHost;
  #family: ActorFamily<UserInbound>;
  readonly #seed: number;
  /** Counts crashes: what an earlier node still does reaches nobody. */
  #node = 0;

  constructor(options: { seed?: number; settings?: UserSettings; isEager?: boolean } = {}) {
    this.#seed = options.seed ?? 1;
    this.#settings = options.settings ?? settings;
    this.clock = new VirtualClock({ seed: this.#seed, startMs: START_MS });
    this.store = new MemoryActorStore({ isEager: options.isEager ?? false });
    this.#host = this.#makeHost();
    this.#family = this.#makeFamily();
  }

  get host(): ActorHost {
    return this.#host;
  }

  /** Asks and answers what came back so far, after everything that can happen now has happened. */
  async ask<R extends UserRequest>(request: R): Promise<Outcome<UserReply<R['type']>> | undefined> {
    let answer: AnyOutcome | undefined;
    this.tell(request, (outcome) => {
      answer = outcome;
    });
    await this.settle();
    return answer as Outcome<UserReply<R['type']>> | undefined;
  }

  tell(request: UserRequest, done?: (outcome: AnyOutcome) => void): void {
    const ask = { type: request.type, request };
    this.#family.tell(alice, done === undefined ? ask : { ...ask, done });
  }

  tick(): void {
    this.#family.tell(alice, { type: 'tick' });
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

  /** The actor moves away in good order; what is under way is neither lost nor answered. */
  async restart(): Promise<void> {
    void this.#host.stop(alice, crashed);
    await this.settle();
  }

  /** A message that makes the step throw: the actor crashes while commits may be under way. */
  async poison(): Promise<void> {
    this.tell({ type: 'append', envelope: undefined } as unknown as UserRequest);
    await this.settle();
  }

  /** What is on the disk. */
  durable(): MailboxReader {
    return new MailboxReader(alice, this.store.durable(), recordCodec);
  }

  #makeHost(): ActorHost {
    const random = seededRandom(this.#seed);
    return createVirtualHost({ clock: this.clock, log: silentLog, random });
  }

  #count(what: string, by: number): void {
    this.counted.set(what, (this.counted.get(what) ?? 0) + by);
  }

  #makeFamily(): ActorFamily<UserInbound> {
    const ports = {
      clock: this.clock,
      timers: this.clock,
      random: seededRandom(this.#seed),
      courier: this.#courier(),
      codec: recordCodec,
      meter: {
        count: (what: string, by: number) => this.#count(what, by),
        delivered: (waitedMs: number) => {
          this.#count('delivered', 1);
          this.waitedMs.push(waitedMs);
        },
      },
      settings: this.#settings,
      storeOf: () => this.#storeOfNode(this.#node),
    };
    return this.#host.family((id) => userBehaviour(id as UserId, ports));
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
    const node = this.#node;
    return {
      ask: (to, request, done) => {
        this.told.push([to as UserId, request as UserRequest]);
        if (this.owedAnswer !== undefined) done(this.owedAnswer as never);
      },
      tell: (to, request) => this.told.push([to as UserId, request as UserRequest]),
      push: (session: SessionRef, push) => {
        if (node !== this.#node) return;
        this.onPush(push);
        this.pushed.push([session.session, push]);
      },
    };
  }
}

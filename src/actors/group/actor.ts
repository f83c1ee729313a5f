/** A group actor bound to the world: gathers what a step needs, runs the step, carries out its effects. */
import type { VerifyingSuite } from '../../crypto/suite.ts';
import { every } from '../../ops/clock.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import { fail, succeed } from '../../protocol/calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { assertNever } from '../../protocol/errors.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { AnyGroupReply, GroupRequest } from '../../protocol/group-calls.ts';
import type { GroupNews } from '../../protocol/group-facts.ts';
import type { GroupId, NodeId, UserId } from '../../protocol/ids.ts';
import { GROUP_IDENTITIES_CACHED_MAX, GROUP_TICK_MS } from '../../protocol/limits.ts';
import type { ActorStore, Courier, RecordCodec, UserMeter } from '../ports.ts';
import { CommitPipeline } from '../runtime/commit-pipeline.ts';
import type { ActorBehaviour, ActorInstance, ActorSelf } from '../runtime/logic.ts';
import { OpenRequests } from '../runtime/open-requests.ts';
import { TimerSet } from '../runtime/timer-set.ts';
import { groupWrites } from './encode-writes.ts';
import { gatherAsk, gatherFact, gatherOperation } from './gather.ts';
import type { Sources } from './gather.ts';
import { GroupReader } from './group-reader.ts';
import { loadGroup } from './load.ts';
import type { GroupAsk, GroupEffect, GroupInbound, GroupMsg } from './messages.ts';
import type { GroupWrite } from './records.ts';
import type { GroupSettings, GroupState } from './state.ts';
import { stepGroup } from './step.ts';

export interface GroupPorts {
  readonly clock: Clock;
  readonly courier: Courier;
  readonly codec: RecordCodec;
  readonly meter: UserMeter;
  readonly suite: VerifyingSuite;
  readonly settings: GroupSettings;
  /** Hands news to the interested sessions of each of these nodes, once per node; best effort. */
  fanOut(nodes: readonly NodeId[], news: GroupNews): void;
  /** The store of the shard that `group` lives in. @throws E_MOVED when this node does not own it */
  storeOf(group: GroupId): ActorStore;
}

type Operate = Extract<GroupRequest, { type: 'groupOperate' }>;

/** How a host runs the actor of `group`. */
export function groupBehaviour(group: GroupId, ports: GroupPorts): ActorBehaviour<GroupInbound> {
  return {
    async activate(self) {
      const store = ports.storeOf(group);
      // Commits of the life before may still be under way; only what is flushed may be acted on (I2).
      await store.settled();
      return new GroupActor(group, self, store, ports);
    },
    refuse(message, error) {
      if (isAsk(message)) message.done?.(fail(error));
    },
  };
}

function isAsk(message: GroupInbound): message is GroupAsk {
  return 'request' in message && message.type !== 'identified';
}

class GroupActor implements ActorInstance<GroupInbound> {
  readonly #self: ActorSelf<GroupInbound>;
  readonly #ports: GroupPorts;
  readonly #sources: Sources;
  readonly #pipeline: CommitPipeline<GroupWrite>;
  readonly #ticker: Timer;
  readonly #timers: TimerSet;
  readonly #open = new OpenRequests<AnyGroupReply>();
  /** Of authors; an identity never changes. */
  readonly #identities = new Map<UserId, Uint8Array>();
  /** Waits of `passivate` for everything to be flushed and answered. */
  readonly #savers: Array<() => void> = [];
  #state: GroupState;

  constructor(group: GroupId, self: ActorSelf<GroupInbound>, store: ActorStore, ports: GroupPorts) {
    const { clock, codec, suite, settings } = ports;
    const reader = new GroupReader(group, store, codec);
    this.#self = self;
    this.#ports = ports;
    this.#sources = { reader, suite };
    this.#pipeline = new CommitPipeline({
      store,
      kind: groupWrites(group, codec),
      onCommitted: (commit) => self.tell({ type: 'committed', commit }),
      onFailed: (error) => self.tell({ type: 'commitFailed', error }),
    });
    this.#state = loadGroup(group, reader, settings);
    this.#timers = new TimerSet(clock);
    this.#ticker = every(clock, GROUP_TICK_MS, () => self.tell({ type: 'tick' }));
    if (this.#state.owed.open.size > 0) self.tell({ type: 'retryOwed' });
    self.tell({ type: 'purge' });
  }

  handle(message: GroupInbound): void {
    if (isAsk(message)) this.#handleAsk(message);
    else if (message.type === 'identified')
      this.#step(gatherOperation(this.#state, message, this.#sources));
    else this.#step(gatherFact(this.#state, message, this.#sources));
  }

  endTurn(): void {
    this.#pipeline.send();
  }

  isIdle(): boolean {
    const { nodes, owed, commits } = this.#state;
    return nodes.size + this.#open.size + owed.open.size + commits.waiting.size === 0;
  }

  async passivate(): Promise<void> {
    this.#step({ type: 'flush' });
    this.#pipeline.send();
    if (this.#state.commits.waiting.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#savers.push(resolve);
    });
  }

  stopped(error: FastChatError): void {
    this.#ticker.cancel();
    this.#timers.cancelAll();
    this.#pipeline.end();
    this.#open.failAll(error);
    this.#endSaving();
  }

  #handleAsk({ request, done }: GroupAsk): void {
    const replyTo = done === undefined ? 0 : this.#open.add(done);
    if (request.type === 'groupOperate') this.#identify(request, replyTo);
    else this.#step(gatherAsk(this.#state, request, replyTo, this.#sources));
  }

  /** An operation waits until its author's identity is known: from memory, or from the author's own actor. */
  #identify(request: Operate, replyTo: number): void {
    const { author } = request;
    const known = this.#identities.get(author);
    const hand = (identity: Outcome<Uint8Array>): void =>
      this.#self.tell({ type: 'identified', request, replyTo, identity });
    if (known !== undefined) return hand(succeed(known));
    this.#ports.courier.ask(author, { type: 'keys', asker: author }, (outcome) => {
      if (!outcome.ok) return hand(outcome);
      const identity = Uint8Array.from(outcome.value.identity);
      if (this.#identities.size >= GROUP_IDENTITIES_CACHED_MAX) this.#identities.clear();
      this.#identities.set(author, identity);
      hand(succeed(identity));
    });
  }

  #step(message: GroupMsg): void {
    const { state, effects } = stepGroup(this.#state, message, this.#ports.clock.now());
    this.#state = state;
    for (const effect of effects) this.#run(effect);
    if (state.commits.waiting.size === 0) this.#endSaving();
  }

  #endSaving(): void {
    if (this.#savers.length > 0) for (const resolve of this.#savers.splice(0)) resolve();
  }

  #run(effect: GroupEffect): void {
    switch (effect.type) {
      case 'commit':
        return this.#pipeline.begin(effect);
      case 'reply':
        return this.#open.answer(effect.to, effect.outcome);
      case 'fanOut':
        return this.#ports.fanOut(effect.nodes, effect.news);
      case 'askOwed':
        return this.#askOwed(effect);
      case 'schedule':
        return this.#timers.after(effect.inMs, () => this.#self.tell(effect.message));
      case 'count':
        return this.#ports.meter.count(effect.what, effect.by);
      case 'drop':
        return this.#self.end(effect.error);
      default:
        return assertNever(effect);
    }
  }

  #askOwed({ user, told }: Extract<GroupEffect, { type: 'askOwed' }>): void {
    this.#ports.courier.ask(user, { type: 'membership', ...told }, (outcome) => {
      // A user who is gone for good, or has no room for another group, needs no notice.
      const ok = outcome.ok || outcome.error.retry === 'never';
      this.#self.tell({ type: 'owedAnswered', user, told, ok });
    });
  }
}

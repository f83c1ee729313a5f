/** A user actor bound to the world: gathers what a step needs, runs the step, carries out its effects. */
import { every } from '../../ops/clock.ts';
import type { Clock, Timer, Timers } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import { fail } from '../../protocol/calls.ts';
import { assertNever } from '../../protocol/errors.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import { parseIncarnation } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import { USER_TICK_MS } from '../../protocol/limits.ts';
import type { AnyUserReply } from '../../protocol/user-calls.ts';
import type { ActorStore, Courier, RecordCodec, UserMeter } from '../ports.ts';
import { CommitPipeline } from '../runtime/commit-pipeline.ts';
import type { ActorBehaviour, ActorInstance, ActorSelf } from '../runtime/logic.ts';
import { OpenRequests } from '../runtime/open-requests.ts';
import { TimerSet } from '../runtime/timer-set.ts';
import { userWrites } from './encode-writes.ts';
import { gatherAsk, gatherFact } from './gather.ts';
import type { Sources } from './gather.ts';
import { loadUser } from './load.ts';
import { MailboxReader } from './mailbox-reader.ts';
import type { UserAsk, UserEffect, UserInbound, UserMsg } from './messages.ts';
import type { UserWrite } from './records.ts';
import type { UserSettings, UserState } from './state.ts';
import { stepUser } from './step.ts';

export interface UserPorts {
  readonly clock: Clock;
  /** For the tick, which may come a moment late. */
  readonly timers: Timers;
  readonly random: Random;
  readonly courier: Courier;
  readonly codec: RecordCodec;
  readonly meter: UserMeter;
  readonly settings: UserSettings;
  /** The store of the shard that `user` lives in. @throws E_MOVED when this node does not own it */
  storeOf(user: UserId): ActorStore;
}

/** How a host runs the actor of `user`. */
export function userBehaviour(user: UserId, ports: UserPorts): ActorBehaviour<UserInbound> {
  return {
    async activate(self) {
      const store = ports.storeOf(user);
      // Commits of the life before may still be under way; only what is flushed may be acted on (I2).
      await store.settled();
      return new UserActor(user, self, store, ports);
    },
    refuse(message, error) {
      if (isAsk(message)) message.done?.(fail(error));
    },
  };
}

function isAsk(message: UserInbound): message is UserAsk {
  return 'request' in message;
}

class UserActor implements ActorInstance<UserInbound> {
  readonly #self: ActorSelf<UserInbound>;
  readonly #ports: UserPorts;
  readonly #sources: Sources;
  readonly #pipeline: CommitPipeline<UserWrite>;
  readonly #ticker: Timer;
  readonly #timers: TimerSet;
  readonly #open = new OpenRequests<AnyUserReply>();
  /** Waits of `passivate` for everything to be flushed and answered. */
  readonly #savers: Array<() => void> = [];
  #state: UserState;

  constructor(user: UserId, self: ActorSelf<UserInbound>, store: ActorStore, ports: UserPorts) {
    const { clock, codec, random, settings, timers } = ports;
    const reader = new MailboxReader(user, store, codec);
    this.#self = self;
    this.#ports = ports;
    this.#sources = {
      reader,
      newIncarnation: () => parseIncarnation(Buffer.from(random.bytes(16)).toString('hex')),
    };
    this.#pipeline = new CommitPipeline({
      store,
      kind: userWrites(user, codec),
      onCommitted: (commit) => self.tell({ type: 'committed', commit }),
      onFailed: (error) => self.tell({ type: 'commitFailed', error }),
    });
    this.#state = loadUser(user, reader, settings);
    this.#timers = new TimerSet(clock);
    this.#ticker = every(timers, USER_TICK_MS, () => self.tell({ type: 'tick' }));
    if (this.#state.owed.open.size > 0) self.tell({ type: 'retryOwed' });
  }

  handle(message: UserInbound): void {
    if (isAsk(message)) this.#handleAsk(message);
    else this.#step(gatherFact(this.#state, message, this.#sources));
  }

  endTurn(): void {
    this.#pipeline.send();
  }

  isIdle(): boolean {
    const { sessions, attaching, owed, commits } = this.#state;
    const soft = sessions.size + attaching.size;
    return soft + this.#open.size + owed.open.size + commits.waiting.size === 0;
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

  #handleAsk({ request, done }: UserAsk): void {
    const replyTo = done === undefined ? 0 : this.#open.add(done);
    this.#step(gatherAsk(this.#state, request, replyTo, this.#sources));
  }

  #step(message: UserMsg): void {
    const { state, effects } = stepUser(this.#state, message, this.#ports.clock.now());
    this.#state = state;
    for (const effect of effects) this.#run(effect);
    if (state.commits.waiting.size === 0) this.#endSaving();
  }

  #endSaving(): void {
    if (this.#savers.length > 0) for (const resolve of this.#savers.splice(0)) resolve();
  }

  #run(effect: UserEffect): void {
    const { courier, meter } = this.#ports;
    switch (effect.type) {
      case 'commit':
        return this.#pipeline.begin(effect);
      case 'reply':
        return this.#open.answer(effect.to, effect.outcome);
      case 'tell':
        return courier.tell(effect.to, effect.request);
      case 'askOwed':
        return this.#askOwed(effect);
      case 'push':
        return courier.push(effect.session, effect.push);
      case 'schedule':
        return this.#timers.after(effect.inMs, () => this.#self.tell(effect.message));
      case 'count':
        return meter.count(effect.what, effect.by);
      case 'delivered':
        return this.#countDelivered(effect);
      case 'drop':
        return this.#self.end(effect.error);
      default:
        return assertNever(effect);
    }
  }

  /** Nobody waits for quiet entries. */
  #countDelivered({ heads, nowMs }: Extract<UserEffect, { type: 'delivered' }>): void {
    const { meter } = this.#ports;
    for (const { quiet, at } of heads) if (!quiet) meter.delivered(Math.max(0, nowMs - at));
  }

  #askOwed({ to, request }: Extract<UserEffect, { type: 'askOwed' }>): void {
    this.#ports.courier.ask(to, request, (outcome) => {
      // A sender that is gone for good needs no notice.
      const ok = outcome.ok || outcome.error.retry === 'never';
      this.#self.tell({ type: 'owedAnswered', seq: request.seq, ok });
    });
  }
}

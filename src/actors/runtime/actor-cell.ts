/**
 * One actor id through its lives: its mailbox, and the states it goes through.
 *
 *   activating -> live <-> saving -> (gone)        a throw, `end` or `stop` ends a life from any of them
 *
 * The mailbox belongs to the cell, not to a life, so a crash loses only the message that caused it.
 */
import { errorFields } from '../../ops/log.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import {
  ACTOR_BUSY_RETRY_MS,
  ACTOR_IDLE_MS,
  ACTOR_MAILBOX_MESSAGES_MAX,
  ACTOR_TURN_MESSAGES_MAX,
} from '../../protocol/limits.ts';
import type { CellSurroundings } from './cell-surroundings.ts';
import type { ActorBehaviour, ActorInstance, ActorMessage } from './logic.ts';
import { MessageQueue } from './message-queue.ts';
import type { TurnRunner } from './turns.ts';

type Phase = 'activating' | 'live' | 'saving';

interface Life<Message extends ActorMessage> {
  readonly runner: TurnRunner;
  phase: Phase;
  instance: ActorInstance<Message> | undefined;
  isAwake: boolean;
}

export interface CellOptions<Message extends ActorMessage> {
  readonly id: string;
  readonly behaviour: ActorBehaviour<Message>;
  /** A virtual actor gets another life when something waits for it; a spawned one has one. */
  readonly isVirtual: boolean;
}

export class ActorCell<Message extends ActorMessage> {
  readonly id: string;
  readonly #behaviour: ActorBehaviour<Message>;
  readonly #isVirtual: boolean;
  readonly #around: CellSurroundings;
  /** From outside: belongs to the cell and waits for the next life when this one ends. */
  readonly #queue = new MessageQueue<Message>();
  /** What this life told itself: handled first, gone with it. */
  readonly #facts = new MessageQueue<Message>();
  #life: Life<Message> | undefined;
  #lastToldMs: number;
  /** Set by `stop`: every message is refused with it. */
  #stopError: FastChatError | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: CellOptions<Message>, around: CellSurroundings) {
    this.id = options.id;
    this.#behaviour = options.behaviour;
    this.#isVirtual = options.isVirtual;
    this.#around = around;
    this.#lastToldMs = around.clock.mono();
  }

  /** Queues a message from outside; false: refused at once. */
  tell(message: Message): boolean {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#refuse(message, refusal);
      return false;
    }
    this.#lastToldMs = this.#around.clock.mono();
    this.#put(message, this.#queue);
    if (this.#life === undefined) this.begin();
    return true;
  }

  /** Starts a life. */
  begin(): void {
    this.#around.counts.activations += 1;
    const life: Life<Message> = {
      runner: this.#around.makeRunner(this.id, () => this.#turn(life)),
      phase: 'activating',
      instance: undefined,
      isAwake: false,
    };
    this.#life = life;
    void this.#activate(life).then(
      (instance) => this.#activated(life, instance),
      (cause) => this.#activationFailed(life, asFastChatError(cause)),
    );
  }

  /** Begins to save and end a virtual actor that nobody has talked to for ACTOR_IDLE_MS. */
  passivateWhenIdle(nowMs: number): void {
    const life = this.#life;
    if (!this.#isVirtual || life?.phase !== 'live' || life.instance === undefined) return;
    if (nowMs - this.#lastToldMs < ACTOR_IDLE_MS || this.#queue.length > 0) return;
    if (!life.instance.isIdle()) return;
    void this.#save(life, life.instance).then(() => this.#saved(life));
  }

  /** Saves, then ends the actor; what waits is refused with `error`. Never rejects. */
  stop(error: FastChatError): Promise<void> {
    this.#stopError = error;
    this.#stopping ??= this.#saveAndStop(error);
    return this.#stopping;
  }

  async #saveAndStop(error: FastChatError): Promise<void> {
    this.#refuseWaiting(error);
    const life = this.#life;
    if (life?.instance !== undefined) await this.#save(life, life.instance);
    if (life !== undefined) this.#endLife(life, error);
    this.#refuseWaiting(error);
    this.#around.forget(this);
  }

  async #activate(life: Life<Message>): Promise<ActorInstance<Message>> {
    return this.#behaviour.activate({
      id: this.id,
      tell: (message) => this.#tellSelf(life, message),
      end: (error) => this.#end(life, error),
    });
  }

  #activated(life: Life<Message>, instance: ActorInstance<Message>): void {
    if (this.#life !== life) {
      instance.stopped(this.#stopError ?? new FastChatError('E_INTERNAL', 'ended while it began'));
      return;
    }
    life.instance = instance;
    life.phase = 'live';
    this.#around.log.event('debug', 'actor_started', { actor: this.id });
    this.#wake(life);
  }

  #activationFailed(life: Life<Message>, error: FastChatError): void {
    if (this.#life !== life) return;
    // Anything but a bug (the shard moved, the store is full) is for the callers to know and not a crash.
    if (error.code === 'E_INTERNAL') this.#noteCrash('activate', error);
    this.#endLife(life, error);
    this.#refuseWaiting(error);
    this.#retire(error);
  }

  #tellSelf(life: Life<Message>, message: Message): void {
    if (this.#life !== life) {
      this.#around.counts.deadLetters += 1;
      return;
    }
    this.#put(message, this.#facts);
  }

  #put(message: Message, queue: MessageQueue<Message>): void {
    queue.push(message);
    this.#around.counts.mailboxDepth += 1;
    if (this.#life !== undefined) this.#wake(this.#life);
  }

  #wake(life: Life<Message>): void {
    if (life.isAwake || !this.#hasWork(life)) return;
    life.isAwake = true;
    life.runner.wake();
  }

  #hasWork(life: Life<Message>): boolean {
    if (life.phase === 'activating') return false;
    return this.#facts.length > 0 || (life.phase === 'live' && this.#queue.length > 0);
  }

  /** A few messages per turn: cheaper than one each, and their writes share a flush. */
  #turn(life: Life<Message>): void {
    life.isAwake = false;
    for (let count = 0; count < ACTOR_TURN_MESSAGES_MAX && this.#life === life; count += 1) {
      const message = this.#facts.shift() ?? this.#nextFromOutside(life);
      if (message === undefined) break;
      this.#around.counts.mailboxDepth -= 1;
      this.#handle(life, message);
    }
    if (this.#life === life) this.#endTurn(life);
    if (this.#life === life) this.#wake(life);
  }

  /** While the state is saved, messages from outside wait to see whether this life goes on. */
  #nextFromOutside(life: Life<Message>): Message | undefined {
    return life.phase === 'live' ? this.#queue.shift() : undefined;
  }

  #handle(life: Life<Message>, message: Message): void {
    try {
      life.instance?.handle(message);
    } catch (cause) {
      this.#crashed(life, message.type, cause);
    }
  }

  #endTurn(life: Life<Message>): void {
    try {
      life.instance?.endTurn?.();
    } catch (cause) {
      this.#crashed(life, 'endTurn', cause);
    }
  }

  #crashed(life: Life<Message>, doing: string, cause: unknown): void {
    const error = new FastChatError('E_INTERNAL', 'the actor failed; try again', { cause });
    this.#noteCrash(doing, asFastChatError(cause));
    this.#end(life, error);
  }

  #noteCrash(message: string, error: FastChatError): void {
    const { clock, counts, crashes, log } = this.#around;
    counts.crashes += 1;
    log.event('error', 'actor_crashed', { actor: this.id, message, ...errorFields(error) });
    const restMs = crashes.note(this.id, clock.mono());
    if (restMs > 0) log.event('warn', 'actor_backing_off', { actor: this.id, restMs });
  }

  /** Ends this life; a virtual actor that something waits for begins the next one. */
  #end(life: Life<Message>, error: FastChatError): void {
    if (this.#life !== life) return;
    this.#endLife(life, error);
    // `#saveAndStop` finishes what it began.
    if (this.#stopping !== undefined) return;
    this.#beginAgainOrForget(error);
  }

  #beginAgainOrForget(error: FastChatError): void {
    const refusal = this.#isVirtual ? this.#restError() : error;
    if (refusal !== undefined) this.#refuseWaiting(refusal);
    if (this.#queue.length > 0) this.begin();
    else this.#retire(error);
  }

  /** Nothing finds a retired virtual actor; whoever still holds a spawned one is refused. */
  #retire(error: FastChatError): void {
    if (!this.#isVirtual) this.#stopError = error;
    this.#around.forget(this);
  }

  #endLife(life: Life<Message>, error: FastChatError): void {
    if (this.#life !== life) return;
    this.#life = undefined;
    life.runner.stop();
    life.instance?.stopped(error);
    const { counts } = this.#around;
    counts.deadLetters += this.#facts.length;
    counts.mailboxDepth -= this.#facts.length;
    this.#facts.clear();
  }

  async #save(life: Life<Message>, instance: ActorInstance<Message>): Promise<void> {
    life.phase = 'saving';
    try {
      await instance.passivate?.();
    } catch {
      // What could not be saved is lazy by design: the next life finds an older cursor, never a lost message.
    }
  }

  #saved(life: Life<Message>): void {
    if (this.#life !== life || this.#stopping !== undefined) return;
    if (this.#queue.length > 0) {
      life.phase = 'live';
      this.#wake(life);
      return;
    }
    this.#around.counts.passivations += 1;
    this.#around.log.event('debug', 'actor_stopped', { actor: this.id });
    this.#endLife(life, new FastChatError('E_INTERNAL', 'the actor was passivated; try again'));
    this.#around.forget(this);
  }

  #refusal(): FastChatError | undefined {
    if (this.#stopError !== undefined) return this.#stopError;
    if (this.#queue.length < ACTOR_MAILBOX_MESSAGES_MAX)
      return this.#life === undefined ? this.#restError() : undefined;
    return new FastChatError('E_RATE_LIMITED', `${this.id} is busy`, {
      retryAfterMs: ACTOR_BUSY_RETRY_MS,
    });
  }

  #restError(): FastChatError | undefined {
    const restMs = this.#around.crashes.restMs(this.id, this.#around.clock.mono());
    if (restMs === 0) return undefined;
    return new FastChatError('E_INTERNAL', `${this.id} failed too often and rests`, {
      retryAfterMs: restMs,
    });
  }

  #refuseWaiting(error: FastChatError): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#around.counts.mailboxDepth -= 1;
      this.#refuse(next, error);
    }
  }

  #refuse(message: Message, error: FastChatError): void {
    this.#around.counts.deadLetters += 1;
    this.#behaviour.refuse(message, error);
  }
}

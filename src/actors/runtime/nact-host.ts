/**
 * The one file that knows nact. Every actor is a child of the system root: the root handles no messages, so the number of
 * actors costs nothing per message, and there is no parent whose supervision could run two messages of one actor at once.
 *
 * nact gives turns and nothing else. Its mailboxes are unbounded and vanish with the actor, its references resolve by
 * name, its default on a throw is to print and forget; so messages wait in our own cells, names are never used twice,
 * and what nact handles is a wake-up that cannot throw.
 */
import { dispatch, spawn, start, stop } from 'nact';
import type { ActorSystemRef, Ref } from 'nact';
import type { Clock } from '../../ops/clock.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import { ACTOR_RUN_SLICE_MS } from '../../protocol/limits.ts';
import type { ActorHost, ActorHostOptions } from './actor-host.ts';
import { HostedActors } from './hosted-actors.ts';
import { MessageQueue } from './message-queue.ts';
import type { MakeTurnRunner, TurnRunner } from './turns.ts';

/** Two nact systems of one name silently replace each other, so every host of a process numbers its own. */
let systems = 0;

/** A name nact accepts, for any id; unlike any other one of this system. */
export function encodeActorName(id: string, life: number): string {
  return `${Buffer.from(id, 'utf8').toString('base64url')}.${life}`;
}

/** One life of an actor, as its host gives it turns; there are very many, so it is small. */
class Runnable implements TurnRunner {
  readonly ref: Ref<'turn'>;
  readonly turn: () => void;
  isStopped = false;
  readonly #turns: NactTurns;

  constructor(turns: NactTurns, ref: Ref<'turn'>, turn: () => void) {
    this.#turns = turns;
    this.ref = ref;
    this.turn = turn;
  }

  wake(): void {
    this.#turns.wake(this);
  }

  stop(): void {
    this.#turns.stop(this);
  }
}

/** Never reached: a cell's turn catches everything. Stated because the default would print. */
const STOP_ON_CRASH: Parameters<typeof spawn>[3] = {
  onCrash: (_message, _error, context) => context.stop,
};

/**
 * Turns for all actors of one host. A message through nact costs a promise, a context and an immediate, as much as many
 * a turn. So one message, to the actor that became ready first, carries the turns of all that are ready by then and
 * become ready meanwhile, first come, first served, for ACTOR_RUN_SLICE_MS.
 */
class NactTurns {
  readonly #system: ActorSystemRef;
  readonly #clock: Clock;
  readonly #ready = new MessageQueue<Runnable>();
  /** Whose message is under way; it runs first. */
  #carrier: Runnable | undefined;
  #isRunning = false;
  #lives = 0;

  constructor(system: ActorSystemRef, clock: Clock) {
    this.#system = system;
    this.#clock = clock;
  }

  readonly makeRunner: MakeTurnRunner = (id, turn) => {
    this.#lives += 1;
    const name = encodeActorName(id, this.#lives);
    return new Runnable(this, spawn(this.#system, this.#handle, name, STOP_ON_CRASH), turn);
  };

  /** The same for all: whoever's message it is, it carries the turns of everybody. */
  readonly #handle = (): undefined => {
    this.#run();
  };

  wake(runnable: Runnable): void {
    if (runnable.isStopped) return;
    if (this.#carrier === undefined) this.#carry(runnable);
    else this.#ready.push(runnable);
  }

  stop(runnable: Runnable): void {
    runnable.isStopped = true;
    stop(runnable.ref);
    // nact forgets the message of a stopped actor, and with it the turns of the others.
    if (this.#carrier === runnable && !this.#isRunning) this.#carry(this.#nextLive());
  }

  #carry(carrier: Runnable | undefined): void {
    this.#carrier = carrier;
    if (carrier !== undefined) dispatch(carrier.ref, 'turn');
  }

  #run(): void {
    const endMs = this.#clock.mono() + ACTOR_RUN_SLICE_MS;
    let next = this.#carrier;
    this.#isRunning = true;
    while (next !== undefined) {
      if (!next.isStopped) next.turn();
      if (this.#clock.mono() >= endMs) break;
      next = this.#ready.shift();
    }
    this.#isRunning = false;
    this.#carry(this.#nextLive());
  }

  #nextLive(): Runnable | undefined {
    let next = this.#ready.shift();
    while (next?.isStopped === true) next = this.#ready.shift();
    return next;
  }
}

/** The production host. `stopAll` also ends its nact system. */
export function createNactHost(options: ActorHostOptions): ActorHost {
  systems += 1;
  const system = start(`fastchat-${systems}`);
  return new NactHost(options, system);
}

class NactHost extends HostedActors {
  readonly #system: ActorSystemRef;

  constructor(options: ActorHostOptions, system: ActorSystemRef) {
    super(options, new NactTurns(system, options.clock).makeRunner);
    this.#system = system;
  }

  override async stopAll(error: FastChatError): Promise<void> {
    await super.stopAll(error);
    stop(this.#system);
  }
}

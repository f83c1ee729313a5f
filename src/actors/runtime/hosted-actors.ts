/** The registry of actors: everything a host does besides giving turns. */
import { every } from '../../ops/clock.ts';
import type { Timer } from '../../ops/clock.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { ACTOR_IDLE_MS } from '../../protocol/limits.ts';
import { ActorCell } from './actor-cell.ts';
import type { CellSurroundings } from './cell-surroundings.ts';
import type {
  ActorCounters,
  ActorFamily,
  ActorHost,
  ActorHostOptions,
  SpawnedActor,
} from './actor-host.ts';
import { CrashBook } from './crash-book.ts';
import type { ActorBehaviour, ActorMessage } from './logic.ts';
import type { MakeTurnRunner } from './turns.ts';

/** How many times an idle period is looked at: an idle actor stays at most this part of it too long. */
const SWEEPS_PER_IDLE_PERIOD = 4;

/** What the registry itself does with a cell, whatever its messages are. */
interface AnyCell {
  readonly id: string;
  passivateWhenIdle(nowMs: number): void;
  stop(error: FastChatError): Promise<void>;
}

/** An ActorHost over any way of giving turns. */
export class HostedActors implements ActorHost {
  readonly #cells = new Map<string, AnyCell>();
  readonly #around: CellSurroundings;
  readonly #sweep: Timer;
  #stopError: FastChatError | undefined;

  constructor(options: ActorHostOptions, makeRunner: MakeTurnRunner) {
    this.#around = {
      clock: options.clock,
      log: options.log,
      makeRunner,
      crashes: new CrashBook(),
      counts: { activations: 0, passivations: 0, crashes: 0, deadLetters: 0, mailboxDepth: 0 },
      forget: (cell) => {
        if (this.#cells.get(cell.id) === cell) this.#cells.delete(cell.id);
      },
    };
    this.#sweep = every(options.clock, ACTOR_IDLE_MS / SWEEPS_PER_IDLE_PERIOD, () =>
      this.#sweepIdle(),
    );
  }

  family<Message extends ActorMessage>(
    behaviourOf: (id: string) => ActorBehaviour<Message>,
  ): ActorFamily<Message> {
    return {
      tell: (id, message) => {
        // Ids of families never collide, so what is registered under this one speaks this family's messages.
        const cell = this.#cells.get(id) as ActorCell<Message> | undefined;
        if (cell !== undefined) return cell.tell(message);
        return this.#tellNew({ id, behaviour: behaviourOf(id), isVirtual: true }, message);
      },
    };
  }

  spawn<Message extends ActorMessage>(
    id: string,
    behaviour: ActorBehaviour<Message>,
  ): SpawnedActor<Message> {
    if (this.#stopError !== undefined) throw this.#stopError;
    if (this.#cells.has(id)) throw new FastChatError('E_INTERNAL', `there is an actor ${id}`);
    const cell = new ActorCell({ id, behaviour, isVirtual: false }, this.#around);
    this.#cells.set(id, cell);
    cell.begin();
    return cell;
  }

  async stop(id: string, error: FastChatError): Promise<void> {
    await this.#cells.get(id)?.stop(error);
  }

  async stopWhere(matches: (id: string) => boolean, error: FastChatError): Promise<void> {
    const leaving = [...this.#cells.values()].filter((cell) => matches(cell.id));
    await Promise.all(leaving.map((cell) => cell.stop(error)));
  }

  async stopAll(error: FastChatError): Promise<void> {
    this.#stopError = error;
    this.#sweep.cancel();
    await this.stopWhere(() => true, error);
  }

  counters(): ActorCounters {
    return { live: this.#cells.size, ...this.#around.counts };
  }

  #tellNew<Message extends ActorMessage>(
    options: ConstructorParameters<typeof ActorCell<Message>>[0],
    message: Message,
  ): boolean {
    if (this.#stopError !== undefined) {
      this.#around.counts.deadLetters += 1;
      options.behaviour.refuse(message, this.#stopError);
      return false;
    }
    const cell = new ActorCell(options, this.#around);
    this.#cells.set(options.id, cell);
    const told = cell.tell(message);
    if (!told) this.#cells.delete(options.id);
    return told;
  }

  #sweepIdle(): void {
    const nowMs = this.#around.clock.mono();
    for (const cell of this.#cells.values()) cell.passivateWhenIdle(nowMs);
    this.#around.crashes.prune(nowMs);
  }
}

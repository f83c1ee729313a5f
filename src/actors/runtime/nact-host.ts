/**
 * The one file that knows nact. Every actor is a child of the system root: the root handles no messages, so the number of
 * actors costs nothing per message, and there is no parent whose supervision could run two messages of one actor at once.
 *
 * nact gives turns and nothing else. Its mailboxes are unbounded and vanish with the actor, its references resolve by
 * name, its default on a throw is to print and forget; so messages wait in our own cells, names are never used twice,
 * and what nact handles is a wake-up that cannot throw.
 */
import { dispatch, spawn, start, stop } from 'nact';
import type { ActorSystemRef } from 'nact';
import type { FastChatError } from '../../protocol/errors.ts';
import type { ActorHost, ActorHostOptions } from './actor-host.ts';
import { HostedActors } from './hosted-actors.ts';
import type { MakeTurnRunner } from './turns.ts';

/** Two nact systems of one name silently replace each other, so every host of a process numbers its own. */
let systems = 0;

/** A name nact accepts, for any id; unlike any other one of this system. */
export function encodeActorName(id: string, life: number): string {
  return `${Buffer.from(id, 'utf8').toString('base64url')}.${life}`;
}

function nactTurns(system: ActorSystemRef): MakeTurnRunner {
  let lives = 0;
  return (id, turn) => {
    lives += 1;
    const handle = (): undefined => {
      turn();
    };
    const ref = spawn(system, handle, encodeActorName(id, lives), {
      // Never reached: a cell's turn catches everything. Stated because the default would print.
      onCrash: (_message, _error, context) => context.stop,
    });
    let isStopped = false;
    return {
      wake: () => {
        if (!isStopped) dispatch(ref, 'turn');
      },
      stop: () => {
        isStopped = true;
        stop(ref);
      },
    };
  };
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
    super(options, nactTurns(system));
    this.#system = system;
  }

  override async stopAll(error: FastChatError): Promise<void> {
    await super.stopAll(error);
    stop(this.#system);
  }
}

/** Runs actors; `nact-host.ts` in production, `virtual-host.ts` in simulation. One contract suite covers both. */
import type { Clock } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { ActorBehaviour, ActorMessage } from './logic.ts';

/** Actors that always exist: the first message to an id activates it, idleness passivates it. */
export interface ActorFamily<Message extends ActorMessage> {
  /** False when the message was refused at once (the behaviour's `refuse` was called). */
  tell(id: string, message: Message): boolean;
}

/** One actor that lives from `spawn` to its end: a session, the balancer. */
export interface SpawnedActor<Message extends ActorMessage> {
  readonly id: string;
  /** False when the message was refused at once: mailbox full, or the actor has ended. */
  tell(message: Message): boolean;
  /** Stops it; what is queued is refused with `error`. Resolves when its last write is done. */
  stop(error: FastChatError): Promise<void>;
}

export interface ActorHost {
  /** Ids of different families must not collide: addresses begin with their sigil. */
  family<Message extends ActorMessage>(
    behaviourOf: (id: string) => ActorBehaviour<Message>,
  ): ActorFamily<Message>;
  /** @throws E_INTERNAL when the id is taken or the host has stopped */
  spawn<Message extends ActorMessage>(
    id: string,
    behaviour: ActorBehaviour<Message>,
  ): SpawnedActor<Message>;
  /** Stops one actor, if it lives, refusing what is queued with `error`. Resolves when its last write is done. */
  stop(id: string, error: FastChatError): Promise<void>;
  /** Stops every actor whose id matches: a shard leaves this node. */
  stopWhere(matches: (id: string) => boolean, error: FastChatError): Promise<void>;
  /** Stops every actor; messages told afterwards are refused. */
  stopAll(error: FastChatError): Promise<void>;
  counters(): ActorCounters;
}

export interface ActorCounters {
  /** Actors in memory, also while they begin or end a life. */
  readonly live: number;
  readonly activations: number;
  readonly passivations: number;
  readonly crashes: number;
  /** Messages refused, and facts told to a life that was over. */
  readonly deadLetters: number;
  /** Messages queued at this moment. */
  readonly mailboxDepth: number;
}

/** What every host needs from the node. */
export interface ActorHostOptions {
  readonly clock: Clock;
  readonly log: Log;
}

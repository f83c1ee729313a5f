/**
 * What an actor is, whatever runs it: nact in production, a seeded clock in simulation.
 *
 * A1  Messages of one actor are handled one at a time; those from outside in the order they were told, its facts too.
 * A2  Every message told is either handled or refused, exactly once; nothing is dropped silently.
 * A3  A life of an actor begins with `activate` and ends with `stopped`; facts of a past life are ignored and counted.
 */
import type { FastChatError } from '../../protocol/errors.ts';

/** What a step answers. */
export interface Transition<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/**
 * The behaviour of an actor as a pure function: no I/O, no clock, no chance; the same input gives the same output.
 * A step owns the state it is given: it may change it in place, the caller never keeps the old one.
 */
export type Step<State, Message, Effect> = (
  state: State,
  message: Message,
  nowMs: number,
) => Transition<State, Effect>;

/** The least a message has: a name that may be logged. Contents never are. */
export interface ActorMessage {
  readonly type: string;
}

/** How one life of an actor reaches itself. */
export interface ActorSelf<Message extends ActorMessage> {
  readonly id: string;
  /**
   * Queues a fact (a write was flushed, a timer fired, somebody answered) for this life, in front of messages from
   * outside. Never refused by the mailbox bound, because what was admitted must be able to end; ignored and counted
   * once this life is over.
   */
  tell(message: Message): void;
  /**
   * Ends this life at once (`stopped` is called). What is still queued is kept for the next life of a virtual actor
   * and refused with `error` for a spawned one.
   */
  end(error: FastChatError): void;
}

/** One life of an actor. */
export interface ActorInstance<Message extends ActorMessage> {
  /** Handles one message and returns at once: slow work comes back through `self.tell`. A throw ends this life. */
  handle(message: Message): void;
  /**
   * The messages that were there are handled (or as many as fit one turn): what they caused together may be done
   * together. Called after every turn. A throw ends this life.
   */
  endTurn?(): void;
  /** Whether the actor may be passivated now; asked only after ACTOR_IDLE_MS without a message from outside. */
  isIdle(): boolean;
  /**
   * Saves what may be saved before an orderly end; facts are still handled until it resolves. The life goes on when
   * messages arrived meanwhile. May be called again; `stopped` ends one that is pending.
   */
  passivate?(): Promise<void>;
  /** The life is over: answers everything still open with `error`, cancels timers. Must not throw. */
  stopped(error: FastChatError): void;
}

/** What a host needs to run actors of one kind. */
export interface ActorBehaviour<Message extends ActorMessage> {
  /** Begins a life; messages wait until it resolves. A rejection refuses all that wait with the same error. */
  activate(self: ActorSelf<Message>): Promise<ActorInstance<Message>>;
  /** Answers a message that will never be handled: mailbox full, actor stopped, activation failed. Must not throw. */
  refuse(message: Message, error: FastChatError): void;
}

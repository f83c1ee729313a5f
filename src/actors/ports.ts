/**
 * What actors need from the rest of the node, as interfaces: the composition root hands in real or simulated ones.
 */
import type { ActorReply, ActorRequest } from '../protocol/actor-calls.ts';
import type { Outcome } from '../protocol/calls.ts';
import type { Push } from '../protocol/client-calls.ts';
import type { Address, NodeId } from '../protocol/ids.ts';
import type { SessionRef } from '../protocol/user-calls.ts';
import type { Gate } from './balancer/messages.ts';

/** A key and its new value; undefined removes it. Structurally the store's `Write`. */
export interface ActorWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** Nothing is under the key, which spares a look. */
  readonly isNew?: boolean | undefined;
}

/** One shard as its owner sees it in one epoch; every write carries that epoch. */
export interface ActorStore {
  /** Resolves when flushed (I2). @throws E_MOVED when the shard changed hands: the actor ends itself. */
  commit(writes: readonly ActorWrite[]): Promise<number>;
  get(key: Uint8Array): Uint8Array | undefined;
  range(
    from: Uint8Array,
    to: Uint8Array,
    options?: { readonly limit?: number; readonly reverse?: boolean },
  ): ReadonlyArray<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Resolves when everything committed so far is flushed: awaited before an actor is activated. */
  settled(): Promise<void>;
}

/** How the store lays out keys and long values; pure functions of `src/persist`, handed in by the composition root. */
export interface RecordCodec {
  /** A key whose byte order is the order of its parts; one of fewer parts is a prefix of those that continue it. */
  key(...parts: ReadonlyArray<string | number>): Uint8Array;
  /** The smallest key above every key that starts with `prefix`. */
  after(prefix: Uint8Array): Uint8Array;
  /** The writes that replace a long value of `oldParts` parts; undefined removes it. @throws E_TOO_LARGE */
  chunk(key: Uint8Array, value: Uint8Array | undefined, oldParts: number): readonly ActorWrite[];
  /** How many parts a long value takes. */
  chunkCount(value: Uint8Array | undefined): number;
  /** Parts in order to the value they make; undefined for none. */
  join(parts: readonly Uint8Array[]): Uint8Array | undefined;
}

/** What becomes of messages, counted for the operator. */
export interface UserMeter {
  count(what: 'stored' | 'expired' | 'refused' | 'duplicate', by: number): void;
  /** A device is the first to have a message, so long after it was stored. */
  delivered(waitedMs: number): void;
}

/** How actors and sessions reach others; location-transparent. Every call of `done` happens exactly once. */
export interface Courier {
  /** Asks the actor that lives at `to`, of a user or of a group. Answers E_UNREACHABLE or E_TIMEOUT when its owner does not. */
  ask<K extends ActorRequest['type']>(
    to: Address,
    request: Extract<ActorRequest, { type: K }>,
    done: (outcome: Outcome<ActorReply<K>>) => void,
  ): void;
  /** Sends without waiting for an answer. */
  tell(to: Address, request: ActorRequest): void;
  /** Hands a push to a session on whichever node it lives; one that is gone is ignored. */
  push(session: SessionRef, push: Push): void;
}

/** Where the balancer sent a login and why; see `balancer/messages.ts`. */
export interface Placer {
  /** Answers undefined when no node takes logins now. */
  place(done: (gate: Gate | undefined) => void): void;
}

/** The node that actors run on. */
export interface Whereabouts {
  readonly node: NodeId;
  readonly bootId: Uint8Array;
}

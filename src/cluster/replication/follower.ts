/**
 * Another node that gets the commits of one shard from its owner: a replica, or one that is about to become one.
 *
 * `fed`: commits are sent as they are made, because what came before was sent too. What a replica answers counts only for
 * the round it was sent in: after a catch-up, older answers say nothing about the copy that is there now.
 */
import type { NodeId } from '../../protocol/ids.ts';
import type { ReplicaState } from './replica-sets.ts';

export class Follower {
  readonly node: NodeId;
  /** The commit after which it needs the owner's journal, while a copy of it is made. */
  keptAfter: number | undefined;
  /** What it has is not what it should have: it starts from nothing. */
  mustCopy = false;
  #state: ReplicaState = 'silent';
  #isFed = false;
  #isAgain = false;
  #round = 0;

  constructor(node: NodeId) {
    this.node = node;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  get isFed(): boolean {
    return this.#isFed;
  }

  get round(): number {
    return this.#round;
  }

  /** A catch-up begins: nothing is sent until the replica has told what it has. `round` was never used before. */
  beginRound(round: number): void {
    this.#round = round;
    this.#state = 'catching-up';
    this.#isFed = false;
    this.#isAgain = false;
  }

  /** Everything up to now has been sent: from here on commits are sent as they are made. */
  feed(): void {
    this.#isFed = true;
  }

  /** What was sent has not arrived, or there was no room for it; the catch-up under way must be followed by another. */
  starve(): void {
    this.#isFed = false;
    this.#isAgain = true;
  }

  /** The catch-up has ended; false when another one is needed already. */
  endRound(): boolean {
    if (this.#isAgain) return false;
    this.#state = 'streaming';
    return true;
  }

  /** It does not answer. */
  lose(): void {
    this.#state = 'silent';
    this.#isFed = false;
  }
}

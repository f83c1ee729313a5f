/** The way to one recipient: the lane, how to seal, and why nothing goes now. */
import type { Timer } from '../../ops/clock.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { Address } from '../../protocol/ids.ts';
import type { Lane } from './lane.ts';
import type { Sealing } from './sealing.ts';

type RouteState =
  | { readonly at: 'open' }
  /** Keys are being fetched. */
  | { readonly at: 'asking' }
  /** The keys are not those that were pinned: only a person opens this again. */
  | { readonly at: 'untrusted'; readonly error: FastChatError }
  | { readonly at: 'waiting'; readonly timer: Timer };

export class Route {
  readonly to: Address;
  readonly lane: Lane;
  /** With keys of a pinned identity; undefined: not known, or known to be stale. */
  sealing: Sealing | undefined;
  /** Attempts in a row that came to nothing. */
  failures = 0;
  /** Counters left out in a row. */
  skips = 0;
  #isStale = false;
  #state: RouteState = { at: 'open' };

  constructor(to: Address, lane: Lane, sealing: Sealing | undefined) {
    this.to = to;
    this.lane = lane;
    this.sealing = sealing;
  }

  get isOpen(): boolean {
    return this.#state.at === 'open';
  }

  get isWaiting(): boolean {
    return this.#state.at === 'waiting';
  }

  /** Whether keys from the cache would not do. */
  get isFreshWanted(): boolean {
    return this.#isStale;
  }

  wantFreshKeys(): void {
    this.#isStale = true;
    this.sealing = undefined;
  }

  /** Whether keys were asked for afresh more than once since a message was last stored. */
  keepsFailing(): boolean {
    this.failures += 1;
    return this.failures > 1;
  }

  /** Why only a person can open this way again; undefined: it is not so. */
  get distrust(): FastChatError | undefined {
    return this.#state.at === 'untrusted' ? this.#state.error : undefined;
  }

  ask(): void {
    this.#endWait();
    this.#state = { at: 'asking' };
  }

  block(error: FastChatError): void {
    this.#endWait();
    this.#state = { at: 'untrusted', error };
  }

  wait(timer: Timer): void {
    this.#endWait();
    this.#state = { at: 'waiting', timer };
  }

  release(): void {
    this.#endWait();
    this.#state = { at: 'open' };
  }

  succeeded(): void {
    this.failures = 0;
    this.skips = 0;
    this.#isStale = false;
  }

  #endWait(): void {
    if (this.#state.at === 'waiting') this.#state.timer.cancel();
  }
}

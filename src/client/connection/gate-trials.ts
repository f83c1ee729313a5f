/**
 * Which gates failed lately. A client that lost its session tries the others first: the node that just died, drains or
 * serves nobody is the one place where it need not look.
 */
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import { GATE_AVOIDED_MS } from '../../protocol/limits.ts';
import type { GatePlace } from '../connect-url.ts';
import { shuffled } from './backoff.ts';

export class GateTrials {
  readonly #clock: Clock;
  readonly #random: Random;
  /** When each gate last failed, the one that failed longest ago first; forgotten when it is over. */
  readonly #failedMs = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  failed(place: GatePlace): void {
    const name = nameOf(place);
    this.#failedMs.delete(name);
    this.#failedMs.set(name, this.#clock.mono());
  }

  /** In an order drawn anew, those that failed within GATE_AVOIDED_MS last. */
  order(places: readonly GatePlace[]): readonly GatePlace[] {
    const sinceMs = this.#clock.mono() - GATE_AVOIDED_MS;
    for (const [name, failedMs] of this.#failedMs)
      if (failedMs < sinceMs) this.#failedMs.delete(name);
    const names = [...this.#failedMs.keys()];
    const rank = (place: GatePlace): number => names.indexOf(nameOf(place));
    return shuffled(places, this.#random).toSorted((left, right) => rank(left) - rank(right));
  }
}

function nameOf({ host, port }: GatePlace): string {
  return `${host} ${port}`;
}

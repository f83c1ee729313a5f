/**
 * Looks after users and groups whom nobody talks to. An actor removes what has expired while it is active; this walks over every
 * one in the node's shards and wakes each now and then, a few at a time.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { Address, ShardId } from '../protocol/ids.ts';
import {
  RETENTION_INTERVAL_MS,
  RETENTION_PATROL_STEP_MS,
  RETENTION_PATROL_USERS,
} from '../protocol/limits.ts';

export interface RetentionPatrolPorts {
  readonly clock: Clock;
  /** Shards that this node serves now. */
  readonly shards: () => readonly ShardId[];
  /** At most `limit` groups and accounts of a shard in order, after `previous`. */
  readonly addressesIn: (shard: ShardId, limit: number, previous?: Address) => readonly Address[];
  /** Activates the actor and lets it see what time it is. */
  readonly wake: (address: Address) => void;
}

/** Where a round is. */
interface Place {
  readonly shard: ShardId;
  readonly previous: Address | undefined;
}

export class RetentionPatrol {
  readonly #ports: RetentionPatrolPorts;
  #timer: Timer | undefined;
  #place: Place | undefined;
  #nextRoundMs = 0;

  constructor(ports: RetentionPatrolPorts) {
    this.#ports = ports;
  }

  /** Begins the first round; a round takes RETENTION_INTERVAL_MS, or longer when there are very many accounts. */
  start(): void {
    this.#timer = every(this.#ports.clock, RETENTION_PATROL_STEP_MS, () => this.#step());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #step(): void {
    this.#place ??= this.#nextRound();
    for (let left = RETENTION_PATROL_USERS; left > 0 && this.#place !== undefined;) {
      const { shard, previous } = this.#place;
      const addresses = this.#ports.addressesIn(shard, left, previous);
      for (const address of addresses) this.#ports.wake(address);
      left -= Math.max(1, addresses.length);
      const last = addresses.at(-1);
      this.#place = last === undefined ? this.#after(shard) : { shard, previous: last };
    }
  }

  #nextRound(): Place | undefined {
    const nowMs = this.#ports.clock.mono();
    if (nowMs < this.#nextRoundMs) return undefined;
    this.#nextRoundMs = nowMs + RETENTION_INTERVAL_MS;
    return this.#after(-1);
  }

  /** Shards come and go during a round: the next one is the next greater number. */
  #after(shard: number): Place | undefined {
    const next = this.#ports.shards().find((candidate) => candidate > shard);
    return next === undefined ? undefined : { shard: next, previous: undefined };
  }
}

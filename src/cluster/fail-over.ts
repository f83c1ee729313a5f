/**
 * Takes over shards whose owner has lost its lease and of which this node is a replica. Which replica tries first is
 * the same everywhere; the next ones follow one after the other, in case it cannot. Trying is always safe: what a try
 * may do is decided by the swap and the fence of the take-over (I3), never here.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import { Histogram, SECONDS } from '../ops/metric-types.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import {
  FAILOVER_PATIENCE_MS,
  FAILOVER_RETRY_MS,
  FAILOVER_SHARDS_AT_ONCE,
  FAILOVER_STAGGER_MS,
} from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import type { Membership } from './membership.ts';
import { inOrderOf } from './placement/rendezvous.ts';
import { fenceQuorumOf } from './replication/quorum.ts';
import type { ReplicaSets } from './replication/replica-sets.ts';
import type { ShardDirectory } from './shard-map.ts';
import { allShards } from './shards.ts';

export interface FailOverPorts {
  readonly self: NodeId;
  readonly directory: ShardDirectory;
  readonly coordinator: Pick<Coordinator, 'live' | 'watch'>;
  readonly membership: Pick<Membership, 'isUp' | 'isNewlyUp' | 'onChange'>;
  readonly replicaSets: Pick<ReplicaSets, 'takeOver'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class FailOver {
  readonly #ports: FailOverPorts;
  /** Shards whose turn comes. */
  readonly #timers = new Map<ShardId, Timer>();
  /** Shards whose turn has come. */
  readonly #queue = new Set<ShardId>();
  readonly #trying = new Set<ShardId>();
  /** When each of all these was found to have lost its owner. */
  readonly #lostAtMs = new Map<ShardId, number>();
  readonly #tries = { ok: 0, failed: 0 };
  readonly #times = new Histogram(SECONDS);
  #subscriptions: ReadonlyArray<{ cancel(): void }> = [];

  constructor(ports: FailOverPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { directory, coordinator, membership } = this.#ports;
    const look = (): void => this.#look(allShards(directory.shards));
    this.#subscriptions = [
      directory.listen({ onShards: (changed) => this.#look(changed) }),
      coordinator.watch(() => undefined, look),
    ];
    membership.onChange(look);
    look();
  }

  /** Begins no further take-over; those under way end by themselves. */
  stop(): void {
    for (const subscription of this.#subscriptions) subscription.cancel();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#subscriptions = [];
    this.#timers.clear();
    this.#queue.clear();
  }

  /** Shards that this node is about to take over. */
  get pending(): number {
    return this.#timers.size + this.#queue.size + this.#trying.size;
  }

  /** Take-overs since the start; one that failed is tried again, here or elsewhere. */
  get tries(): Readonly<Record<'ok' | 'failed', number>> {
    return this.#tries;
  }

  /** Of those that succeeded: seconds from finding that the owner is lost to serving, with all waits and failed tries. */
  get times(): Histogram {
    return this.#times;
  }

  #look(shards: readonly ShardId[]): void {
    const orphans = shards.flatMap((shard) => {
      const turn = this.#isKnown(shard) ? undefined : this.#turnFor(shard);
      return turn === undefined ? [] : [{ shard, turn }];
    });
    if (orphans.length === 0) return;
    this.#ports.log.event('info', 'owner_lost', { shards: orphans.length });
    for (const { shard, turn } of orphans) {
      this.#lostAtMs.set(shard, this.#ports.clock.mono());
      this.#later(shard, turn * FAILOVER_STAGGER_MS + this.#patienceMs(shard));
    }
  }

  #isKnown(shard: ShardId): boolean {
    return this.#timers.has(shard) || this.#queue.has(shard) || this.#trying.has(shard);
  }

  /** 0: it is first up to this node to take the shard over; undefined: it is not up to it at all. */
  #turnFor(shard: ShardId): number | undefined {
    const { self, directory, coordinator, membership } = this.#ports;
    const live = coordinator.live();
    const assigned = directory.assignment(shard);
    if (live === undefined || assigned === undefined || live.has(assigned.owner)) return undefined;
    // Without these the map would name an owner that cannot serve, and the one before could not go on when it is back.
    const heard = assigned.replicas.filter((node) => membership.isUp(node));
    if (heard.length < fenceQuorumOf(assigned.replicas.length)) return undefined;
    const candidates = assigned.replicas.filter((node) => live.has(node));
    const turn = inOrderOf(shard, candidates).indexOf(self);
    return turn < 0 ? undefined : turn;
  }

  /** When nodes hear each other again, owners are about to be heard and to have their leases, and can go on at once. */
  #patienceMs(shard: ShardId): number {
    const { directory, membership } = this.#ports;
    const { replicas = [] } = directory.assignment(shard) ?? {};
    const isBack = replicas.some((node) => membership.isNewlyUp(node, FAILOVER_PATIENCE_MS));
    return isBack ? FAILOVER_PATIENCE_MS : 0;
  }

  #later(shard: ShardId, delayMs: number): void {
    if (this.#subscriptions.length === 0) return;
    const act = (): void => {
      this.#timers.delete(shard);
      this.#queue.add(shard);
      this.#pump();
    };
    this.#timers.set(shard, this.#ports.clock.after(delayMs, act));
  }

  #pump(): void {
    for (const shard of this.#queue) {
      if (this.#trying.size >= FAILOVER_SHARDS_AT_ONCE) return;
      this.#queue.delete(shard);
      // It may have found an owner, or its owner a new lease, while it waited.
      if (this.#turnFor(shard) === undefined) this.#lostAtMs.delete(shard);
      else void this.#takeOver(shard);
    }
  }

  async #takeOver(shard: ShardId): Promise<void> {
    const { replicaSets, directory } = this.#ports;
    this.#trying.add(shard);
    const { owner: from = '' } = directory.assignment(shard) ?? {};
    const isTaken = await replicaSets.takeOver(shard);
    this.#trying.delete(shard);
    this.#tries[isTaken ? 'ok' : 'failed'] += 1;
    if (isTaken) this.#taken(shard, from);
    else if (this.#turnFor(shard) !== undefined) this.#later(shard, FAILOVER_RETRY_MS);
    else this.#lostAtMs.delete(shard);
    this.#pump();
  }

  #taken(shard: ShardId, from: string): void {
    const { clock, log } = this.#ports;
    log.event('debug', 'shard_failed_over', { shard, from });
    const nowMs = clock.mono();
    this.#times.observeMs(nowMs - (this.#lostAtMs.get(shard) ?? nowMs));
    this.#lostAtMs.delete(shard);
  }
}

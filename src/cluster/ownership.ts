/**
 * Which shards this node serves now, and in which epoch.
 *
 * O1  A shard is served only in an epoch that the coordinator gave to this node and that the store has promised.
 * O2  An epoch is served by one life of a node, whose store the coordinator has recognised: `mayServeIn` tells whether an
 *     earlier life may have used it. So nothing is taken while no coordinator answers, not even by the one replica of a
 *     shard: its store may have been put back, and a node that was about to get a copy may have more of the epoch than it.
 * O3  Serving stops before the shard is given away, and when a newer epoch shows up.
 * O4  A shard with other replicas is served only after a take over: replication/take-over.ts.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { COORDINATOR_RETRY_MS, SHARD_CLAIMS_MAX } from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { ShardAssignment } from './members.ts';
import { Leading } from './replication/leading.ts';
import type { LeadingPorts } from './replication/leading.ts';
import { mayServeIn, nextClaim } from './replication/take-over.ts';
import type { ClaimFacts } from './replication/take-over.ts';
import type { Tenure } from './replication/tenure.ts';
import type { ShardDirectory } from './shard-map.ts';

/** The actors of a shard, as those who move it see them. */
export interface ShardServing {
  /** Stops the shard's actors; resolves when their last commit is settled. */
  freeze(shard: ShardId): Promise<void>;
  /** The shard is served here, for the first time or again: actors may be activated. */
  resume(shard: ShardId): void;
}

export interface OwnershipPorts extends LeadingPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly serving: ShardServing;
  /** By lease, as far as known here. */
  readonly isDead: (node: NodeId) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** `taking`: owned by the map, not served yet. `frozen`: being given away. Anything else is not here. */
type ShardState =
  | { readonly at: 'taking'; readonly attempt: Promise<void> }
  | { readonly at: 'serving' | 'frozen'; readonly tenure: Tenure };

const MOVED = new FastChatError('E_MOVED', 'the shard has moved to another node');

export class Ownership {
  readonly #ports: OwnershipPorts;
  readonly #leading: Leading;
  readonly #states = new Map<ShardId, ShardState>();
  /** Epochs that this life has claimed, and that some replica was seen to have promised. */
  readonly #claimed = new Map<ShardId, number>();
  readonly #seen = new Map<ShardId, number>();
  readonly #listeners = new Set<(shard: ShardId) => void>();
  readonly #retries = new Map<ShardId, Timer>();
  #subscription: { cancel(): void } | undefined;

  constructor(ports: OwnershipPorts) {
    this.#ports = ports;
    this.#leading = new Leading(ports, (tenure, promised) => this.#onFenced(tenure, promised));
  }

  /**
   * Takes what the map gives to this node; resolves when every such shard was tried once. What could not be taken is
   * tried again.
   */
  async start(): Promise<void> {
    const { directory, self } = this.#ports;
    this.#subscription = directory.listen({
      onShards: (changed) => {
        for (const shard of changed) this.#onAssignment(shard);
      },
    });
    await forEachBounded(directory.ownedBy(self), SHARD_CLAIMS_MAX, (shard) => this.#take(shard));
  }

  /** Takes nothing more; what is served stays served until the actors stop. */
  stop(): void {
    this.#subscription?.cancel();
    for (const timer of this.#retries.values()) timer.cancel();
    this.#retries.clear();
    this.#subscription = undefined;
  }

  /** The epoch in which messages for the shard are taken now; undefined: not here, not yet, or being given away. */
  servedEpoch(shard: ShardId): number | undefined {
    return this.tenure(shard)?.epoch;
  }

  /** The first epoch of the present tenure: messages of every epoch since then are taken. */
  servedSince(shard: ShardId): number | undefined {
    return this.tenure(shard)?.since;
  }

  /** What the shard's actors bind to, while it is served. */
  tenure(shard: ShardId): Tenure | undefined {
    const state = this.#states.get(shard);
    return state?.at === 'serving' ? state.tenure : undefined;
  }

  /** How many shards are served now. */
  get servedCount(): number {
    return [...this.#states.values()].filter(({ at }) => at === 'serving').length;
  }

  /** True while the shard is taken, served or given away here. */
  isHere(shard: ShardId): boolean {
    return this.#states.has(shard);
  }

  /** Tells of every shard that begins or ends to be served here. */
  onChange(listener: (shard: ShardId) => void): void {
    this.#listeners.add(listener);
  }

  /** At a replica: see `ReplicaSets.takeOver`. */
  async takeOver(shard: ShardId): Promise<boolean> {
    const { directory, store, self, isTrusted } = this.#ports;
    const known = directory.assignment(shard);
    const isFit = isTrusted() && store.standing(shard) === 'whole';
    if (!isFit || known?.replicas.includes(self) !== true) return false;
    if (known.owner !== self) await this.#swapToSelf(shard, known);
    if (directory.assignment(shard)?.owner !== self) return false;
    await this.#take(shard);
    return this.servedEpoch(shard) !== undefined;
  }

  /** Stops serving to give the shard away; resolves when the actors have stopped. @throws E_MOVED when not served in `epoch` */
  async freeze(shard: ShardId, epoch: number): Promise<void> {
    const tenure = this.tenure(shard);
    if (tenure?.epoch !== epoch)
      throw new FastChatError('E_MOVED', `shard ${shard} is not served here in epoch ${epoch}`);
    this.#states.set(shard, { at: 'frozen', tenure });
    await this.#ports.serving.freeze(shard);
    await this.#ports.store.flushed();
  }

  /** Serves a frozen shard again; in its old epoch unless that was given up already. */
  async thaw(shard: ShardId): Promise<void> {
    const state = this.#states.get(shard);
    if (state?.at !== 'frozen') return;
    const isGivenUp =
      state.tenure.hasEnded || this.#ports.store.promised(shard) > state.tenure.epoch;
    if (isGivenUp) await this.settle(shard);
    else this.#serve(shard, state.tenure);
  }

  /** Ends what was, and serves again only if and as the coordinator says: after a swap of any outcome. */
  async settle(shard: ShardId): Promise<void> {
    const state = this.#states.get(shard);
    if (state?.at === 'taking') return state.attempt;
    state?.tenure.end(MOVED);
    await this.#begin(shard, async () => {
      if (state?.at === 'serving') await this.#stopActors(shard);
      await this.#attempt(shard);
    });
  }

  /** A write in `epoch` was refused: the shard is no longer ours in it. */
  refused(shard: ShardId, epoch: number): void {
    if (this.servedEpoch(shard) === epoch) void this.settle(shard);
  }

  #onAssignment(shard: ShardId): void {
    const next = this.#ports.directory.assignment(shard);
    const state = this.#states.get(shard);
    if (next === undefined) return;
    if (state === undefined) {
      if (next.owner === this.#ports.self) void this.#take(shard);
      return;
    }
    // Whoever gives a shard away or takes it notices a newer assignment by himself; so does a change of the set.
    if (state.at !== 'serving' || next.epoch <= state.tenure.epoch) return;
    const isOwnChange = next.owner === this.#ports.self && state.tenure.isPaused;
    if (!isOwnChange) void this.settle(shard);
  }

  /** A replica has promised a later epoch: the coordinator knows whether it is another owner's. */
  #onFenced(tenure: Tenure, promised: number): void {
    const { shard } = tenure;
    this.#seen.set(shard, Math.max(promised, this.#seen.get(shard) ?? 0));
    this.#ports.log.event('debug', 'shard_fenced', { shard, epoch: tenure.epoch, promised });
    tenure.end(MOVED);
    if (this.tenure(shard) === tenure) void this.settle(shard);
  }

  async #take(shard: ShardId): Promise<void> {
    const state = this.#states.get(shard);
    if (state === undefined) await this.#begin(shard, () => this.#attempt(shard));
    else if (state.at === 'taking') await state.attempt;
  }

  /** From now on the shard is taken here; `work` decides what becomes of it. */
  #begin(shard: ShardId, work: () => Promise<void>): Promise<void> {
    const attempt = Promise.resolve().then(work);
    this.#states.set(shard, { at: 'taking', attempt });
    return attempt;
  }

  /** One try to go from `taking` to `serving` or away; a failure is tried again later. Never rejects. */
  async #attempt(shard: ShardId): Promise<void> {
    try {
      const assignment = await this.#claim(shard);
      if (assignment === undefined) return this.#release(shard);
      this.#claimed.set(shard, assignment.epoch);
      const tenure = await this.#leading.lead(shard, assignment);
      // Another replica has more, and was made the owner.
      if (tenure === undefined) return await this.#attempt(shard);
      if (this.#ports.directory.assignment(shard)?.epoch === assignment.epoch)
        return this.#serve(shard, tenure);
      tenure.end(MOVED);
      this.#retryLater(shard);
    } catch (cause) {
      this.#ports.log.event('debug', 'takeover_failed', { shard, ...errorFields(cause) });
      this.#retryLater(shard);
    }
  }

  async #stopActors(shard: ShardId): Promise<void> {
    try {
      await this.#ports.serving.freeze(shard);
    } catch (cause) {
      // Their store has failed, which ends the process; the epoch keeps late writes out until then.
      this.#ports.log.event('error', 'part_failed', {
        part: 'actors',
        shard,
        ...errorFields(cause),
      });
    }
  }

  #retryLater(shard: ShardId): void {
    if (this.#subscription === undefined) return;
    const retry = (): void => {
      this.#retries.delete(shard);
      void this.#begin(shard, () => this.#attempt(shard));
    };
    this.#retries.set(shard, this.#ports.clock.after(COORDINATOR_RETRY_MS, retry));
  }

  /** An assignment of this node that nobody has served in (O2); undefined when the shard belongs to another node. */
  async #claim(shard: ShardId): Promise<ShardAssignment | undefined> {
    const { directory, self } = this.#ports;
    for (;;) {
      const known = directory.assignment(shard);
      if (known?.owner !== self) return undefined;
      const isPassed = (this.#seen.get(shard) ?? 0) > known.epoch;
      if (!isPassed && mayServeIn(known, this.#claimFacts(shard))) return known;
      await this.#swapToSelf(shard, known);
    }
  }

  async #swapToSelf(shard: ShardId, known: ShardAssignment): Promise<void> {
    const { directory, coordinator } = this.#ports;
    const next = nextClaim(known, this.#claimFacts(shard), this.#seen.get(shard) ?? 0);
    const { current } = await coordinator.swap(shard, known.epoch, next);
    if (!directory.adoptAssignment(shard, current) && current.epoch === known.epoch)
      throw new FastChatError('E_UNREACHABLE', 'the coordinator knows an older map');
  }

  #claimFacts(shard: ShardId): ClaimFacts {
    const { self, store, isDead } = this.#ports;
    return {
      self,
      promised: store.promised(shard),
      standing: store.standing(shard),
      headEpoch: store.head(shard).epoch,
      claimed: this.#claimed.get(shard),
      isDead,
    };
  }

  #serve(shard: ShardId, tenure: Tenure): void {
    this.#states.set(shard, { at: 'serving', tenure });
    this.#ports.log.event('debug', 'shard_taken', { shard, epoch: tenure.epoch });
    this.#ports.serving.resume(shard);
    this.#tellChange(shard);
  }

  #release(shard: ShardId): void {
    this.#states.delete(shard);
    this.#ports.log.event('debug', 'shard_released', { shard });
    this.#tellChange(shard);
  }

  #tellChange(shard: ShardId): void {
    for (const listener of this.#listeners) listener(shard);
  }
}

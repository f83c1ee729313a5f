/**
 * Which shards this node serves now, and in which epoch.
 *
 * O1  A shard is served only in an epoch that the coordinator gave to this node and that the store has promised.
 * O2  An epoch is served by one life of a node: the marker commit, made before serving, shows that an epoch was used.
 *     A node that starts takes the next epoch by a swap. Only when no coordinator answers, it serves again in the
 *     last one, which no other node can have been given: whoever hands a shard over promises the next epoch first.
 * O3  Serving stops before a hand-over asks for its last delta, and when a newer epoch shows up.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { encodeRaw } from '../protocol/codec.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { COORDINATOR_RETRY_MS, SHARD_CLAIMS_MAX } from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { ShardDirectory } from './shard-map.ts';

/** The actors of a shard, as those who move it see them. */
export interface ShardServing {
  /** Stops the shard's actors; resolves when their last commit is settled. */
  freeze(shard: ShardId): Promise<void>;
  /** The shard is served here, for the first time or again: actors may be activated. */
  resume(shard: ShardId): void;
}

export interface OwnershipPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly serving: ShardServing;
  readonly clock: Clock;
  readonly log: Log;
}

/** `taking`: owned by the map, not served yet. `frozen`: being handed over. Anything else is not here. */
type ShardState =
  | { readonly at: 'taking' }
  | { readonly at: 'serving'; readonly epoch: number }
  | { readonly at: 'frozen'; readonly epoch: number };

/** Sorts before every address. */
const MARKER_KEY = Uint8Array.of(0);

export class Ownership {
  readonly #ports: OwnershipPorts;
  readonly #states = new Map<ShardId, ShardState>();
  readonly #listeners = new Set<(shard: ShardId) => void>();
  readonly #retries = new Map<ShardId, Timer>();
  #subscription: { cancel(): void } | undefined;

  constructor(ports: OwnershipPorts) {
    this.#ports = ports;
  }

  /**
   * Takes what the map gives to this node; resolves when every such shard was tried once. What could not be taken is
   * tried again. `isReached`: whether the coordinator answers (O2).
   */
  async start(isReached: boolean): Promise<void> {
    const { directory, self } = this.#ports;
    this.#subscription = directory.listen({
      onShards: (changed) => {
        for (const shard of changed) this.#onAssignment(shard);
      },
    });
    await forEachBounded(directory.ownedBy(self), SHARD_CLAIMS_MAX, (shard) =>
      this.#take(shard, !isReached),
    );
  }

  /** Takes nothing more; what is served stays served until the actors stop. */
  stop(): void {
    this.#subscription?.cancel();
    for (const timer of this.#retries.values()) timer.cancel();
    this.#retries.clear();
    this.#subscription = undefined;
  }

  /** The epoch in which messages for the shard are taken now; undefined: not here, not yet, or being handed over. */
  servedEpoch(shard: ShardId): number | undefined {
    const state = this.#states.get(shard);
    return state?.at === 'serving' ? state.epoch : undefined;
  }

  /** How many shards are served now. */
  get servedCount(): number {
    return [...this.#states.values()].filter(({ at }) => at === 'serving').length;
  }

  /** True while the shard is taken, served or handed over here. */
  isHere(shard: ShardId): boolean {
    return this.#states.has(shard);
  }

  /** Tells of every shard that begins or ends to be served here. */
  onChange(listener: (shard: ShardId) => void): void {
    this.#listeners.add(listener);
  }

  /** Stops serving for a hand-over; resolves when every commit is flushed. @throws E_MOVED when not served in `epoch` */
  async freeze(shard: ShardId, epoch: number): Promise<void> {
    if (this.servedEpoch(shard) !== epoch)
      throw new FastChatError('E_MOVED', `shard ${shard} is not served here in epoch ${epoch}`);
    this.#states.set(shard, { at: 'frozen', epoch });
    await this.#ports.serving.freeze(shard);
    await this.#ports.store.flushed();
  }

  /** Serves a frozen shard again; in its old epoch unless that was given up already. */
  async thaw(shard: ShardId): Promise<void> {
    const state = this.#states.get(shard);
    if (state?.at !== 'frozen') return;
    if (this.#ports.store.promised(shard) > state.epoch) await this.settle(shard);
    else this.#serve(shard, state.epoch);
  }

  /** Ends what was, and serves again only if and as the coordinator says: after a swap of any outcome. */
  async settle(shard: ShardId): Promise<void> {
    const wasServing = this.servedEpoch(shard) !== undefined;
    if (this.#states.get(shard)?.at === 'taking') return;
    this.#states.set(shard, { at: 'taking' });
    if (wasServing) await this.#stopActors(shard);
    await this.#attempt(shard, false);
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
      if (next.owner === this.#ports.self) void this.#take(shard, false);
      return;
    }
    // A hand-over and a take notice a newer assignment by themselves.
    if (state.at === 'serving' && next.epoch > state.epoch) void this.settle(shard);
  }

  async #take(shard: ShardId, mayReuse: boolean): Promise<void> {
    if (this.#states.has(shard)) return;
    this.#states.set(shard, { at: 'taking' });
    await this.#attempt(shard, mayReuse);
  }

  /** One try to go from `taking` to `serving` or away; a failure is tried again later. Never rejects. */
  async #attempt(shard: ShardId, mayReuse: boolean): Promise<void> {
    try {
      const epoch = await this.#claim(shard, mayReuse);
      if (epoch === undefined) return this.#release(shard);
      await this.#mark(shard, epoch);
      const now = this.#ports.directory.assignment(shard);
      if (now?.epoch === epoch) this.#serve(shard, epoch);
      else this.#retryLater(shard);
    } catch (cause) {
      this.#ports.log.event('debug', 'coordinator_lost', { shard, ...errorFields(cause) });
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
      void this.#attempt(shard, false);
    };
    this.#retries.set(shard, this.#ports.clock.after(COORDINATOR_RETRY_MS, retry));
  }

  /** An epoch of this node's own that nobody has served in (O2); undefined when the shard belongs to another node. */
  async #claim(shard: ShardId, mayReuse: boolean): Promise<number | undefined> {
    const { directory, store, coordinator, self } = this.#ports;
    for (;;) {
      const known = directory.assignment(shard);
      if (known?.owner !== self) return undefined;
      const promised = store.promised(shard);
      const isUnused = store.head(shard).epoch < known.epoch;
      if (promised <= known.epoch && (isUnused || mayReuse)) return known.epoch;
      const epoch = Math.max(known.epoch + 1, promised);
      const next = { epoch, owner: self, replicas: [self] };
      const { current } = await coordinator.swap(shard, known.epoch, next);
      if (!directory.adoptAssignment(shard, current) && current.epoch === known.epoch)
        throw new FastChatError('E_UNREACHABLE', 'the coordinator knows an older map');
    }
  }

  async #mark(shard: ShardId, epoch: number): Promise<void> {
    const { store, self } = this.#ports;
    await store.fence(shard, epoch);
    try {
      await store.commit(shard, epoch, [{ key: MARKER_KEY, value: encodeRaw([epoch, self]) }]);
    } catch (cause) {
      // A full disk still serves reads; the epoch stays unmarked, so nobody deletes a copy on the strength of it.
      if (asFastChatError(cause).code !== 'E_STORE_FULL') throw cause;
    }
  }

  #serve(shard: ShardId, epoch: number): void {
    this.#states.set(shard, { at: 'serving', epoch });
    this.#ports.log.event('debug', 'shard_taken', { shard, epoch });
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

/**
 * Changes of a replica set, one member at a time, by the owner (I6). The swap in step 4 is the only moment that counts.
 * S is the set before, S' the one after, W' the majority of S'.
 *
 * | step | add B                   | remove B                | transfer to B              | the owner crashes after it, or the swap fails           |
 * | ---- | ----------------------- | ----------------------- | -------------------------- | ------------------------------------------------------- |
 * | 1    | B is fed, not counted   |                         | B is fed                   | as if nothing had been; what B has is swept             |
 * | 2    | new commits wait        | new commits wait        | actors stop, their commits | they go on in the same epoch                            |
 * |      |                         |                         | are acknowledged           |                                                         |
 * | 3    | W' of S' have flushed everything; the owner promises the | B has flushed everything; the owner promises the next epoch | takes the epoch after, from S |
 * |      | next epoch              |                         |                            |                                                         |
 * | 4    | swap: next epoch, S'    | swap: next epoch, S'    | swap: next epoch, owner B  | the map tells which: S and the epoch before, or S'      |
 * | 5    | marker, acknowledged by W' of S'                  ||  B takes over (take-over.ts) | W' of S' have all that was ever acknowledged           |
 * | 6    | commits that waited are made                      ||  the shard is B's            |                                                         |
 *
 * Between 4 and knowing its outcome the owner acknowledges nothing: under S one replica might be enough for what S' does
 * not have. It asks again by a swap from the same epoch, which tells what holds.
 *
 * Why nothing is lost: whatever was acknowledged before 4 is on W' members of S' by step 3, and any take over of S' asks
 * N' - W' + 1 of them, so meets one of these. Whatever is acknowledged after 4 is on W' of S'. Nobody takes over from S
 * after 4, because that needs a swap from the epoch before.
 */
import type { Clock } from '../../ops/clock.ts';
import { errorFields } from '../../ops/log.ts';
import type { Log } from '../../ops/log.ts';
import type { ShardStore } from '../../persist/shard-store.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import {
  COORDINATOR_RETRY_MS,
  REPLICA_ADD_TIMEOUT_MS,
  REPLICA_DRAIN_TIMEOUT_MS,
  REPLICAS_MAX,
} from '../../protocol/limits.ts';
import type { Coordinator } from '../coordinator.ts';
import type { ShardAssignment } from '../members.ts';
import type { Ownership } from '../ownership.ts';
import type { ShardDirectory } from '../shard-map.ts';
import type { ReplicaSets, ReplicationStatus } from './replica-sets.ts';
import type { Replication } from './replication.ts';
import type { Tenure } from './tenure.ts';
import { until } from './until.ts';

export interface ReconfigurationPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly ownership: Ownership;
  readonly replication: Replication;
  readonly clock: Clock;
  readonly log: Log;
}

export class Reconfiguration implements ReplicaSets {
  readonly #ports: ReconfigurationPorts;
  /** Shards whose set or owner is being changed. */
  readonly #changing = new Set<ShardId>();
  #isStopped = false;

  constructor(ports: ReconfigurationPorts) {
    this.#ports = ports;
  }

  /** Asks the coordinator no more how a swap ended. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Shards that are changed now. */
  get changing(): number {
    return this.#changing.size;
  }

  takeOver(shard: ShardId): Promise<boolean> {
    return this.#quietly(shard, () => this.#ports.ownership.takeOver(shard));
  }

  addReplica(shard: ShardId, node: NodeId): Promise<boolean> {
    return this.#exclusively(shard, async (tenure) => {
      const { replicas } = tenure;
      if (replicas.includes(node) || replicas.length >= REPLICAS_MAX) return false;
      tenure.follow(node);
      const isAdded =
        (await this.#isFed(tenure, node)) && (await this.#changeSet(tenure, [...replicas, node]));
      if (!isAdded && !tenure.replicas.includes(node)) tenure.unfollow(node);
      return isAdded;
    });
  }

  removeReplica(shard: ShardId, node: NodeId): Promise<boolean> {
    return this.#exclusively(shard, async (tenure) => {
      if (node === this.#ports.self || !tenure.replicas.includes(node)) return false;
      return this.#changeSet(
        tenure,
        tenure.replicas.filter((other) => other !== node),
      );
    });
  }

  transfer(shard: ShardId, to: NodeId): Promise<boolean> {
    return this.#exclusively(shard, async (tenure) => {
      const isReady = tenure.followers.get(to)?.state === 'streaming';
      if (!isReady || !tenure.replicas.includes(to)) return false;
      return this.#give(tenure, to);
    });
  }

  replication(shard: ShardId): ReplicationStatus {
    const { directory, ownership, store, self } = this.#ports;
    const assignment = directory.assignment(shard);
    const epoch = assignment?.epoch ?? 0;
    const tenure = ownership.tenure(shard);
    if (tenure === undefined) {
      const isReplica = assignment?.replicas.includes(self) === true;
      const acknowledged = store.head(shard).seq;
      return { role: isReplica ? 'replica' : 'none', epoch, acknowledged, replicas: [] };
    }
    const replicas = [...tenure.followers.values()].map(({ node, state }) => ({
      node,
      state,
      flushed: tenure.flushedAt(node),
    }));
    return { role: 'owner', epoch, acknowledged: tenure.acknowledged, replicas };
  }

  /** One change at a time for each shard, of one that is served here. */
  async #exclusively(
    shard: ShardId,
    change: (tenure: Tenure) => Promise<boolean>,
  ): Promise<boolean> {
    const tenure = this.#ports.ownership.tenure(shard);
    if (tenure === undefined || this.#changing.has(shard)) return false;
    this.#changing.add(shard);
    try {
      return await this.#quietly(shard, () => change(tenure));
    } finally {
      this.#changing.delete(shard);
    }
  }

  async #quietly(shard: ShardId, work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (cause) {
      const fields = { part: 'replication', shard, ...errorFields(cause) };
      this.#ports.log.event('warn', 'part_failed', fields);
      return false;
    }
  }

  /** False when it fell silent on the way, or takes too long. */
  async #isFed(tenure: Tenure, node: NodeId): Promise<boolean> {
    const stateOf = (): string | undefined => tenure.followers.get(node)?.state;
    await until(
      this.#ports.clock,
      tenure,
      REPLICA_ADD_TIMEOUT_MS,
      () => stateOf() !== 'catching-up',
    );
    return stateOf() === 'streaming';
  }

  /** Steps 2 to 6 for another set under the same owner: actors notice a short wait. */
  async #changeSet(tenure: Tenure, replicas: readonly NodeId[]): Promise<boolean> {
    if (!tenure.pause()) return false;
    const next = await this.#prepared(tenure, replicas);
    if (next === undefined) return false;
    const current = await this.#swap(tenure, next);
    if (current === undefined) return false;
    const marked = tenure.advance(next.epoch, next.replicas);
    this.#ports.directory.adoptAssignment(tenure.shard, current);
    // Its commits are acknowledged after the marker, whenever that is.
    tenure.resume();
    await marked;
    return true;
  }

  /** Step 3. Undefined when it cannot be: then the tenure goes on, or ends. */
  async #prepared(
    tenure: Tenure,
    replicas: readonly NodeId[],
  ): Promise<ShardAssignment | undefined> {
    const { clock, store, ownership, self } = this.#ports;
    const { shard } = tenure;
    const epoch = tenure.epoch + 1;
    const isCovered = (): boolean => tenure.isCovered(replicas);
    if (!(await until(clock, tenure, REPLICA_DRAIN_TIMEOUT_MS, isCovered)) || tenure.hasEnded) {
      tenure.resume();
      return undefined;
    }
    try {
      await store.fence(shard, epoch);
      return { epoch, owner: self, replicas };
    } catch (cause) {
      await ownership.settle(shard);
      throw cause;
    }
  }

  /** Step 4: what the map says afterwards, if it is `next`; otherwise the tenure ends. */
  async #swap(tenure: Tenure, next: ShardAssignment): Promise<ShardAssignment | undefined> {
    const { ownership, directory } = this.#ports;
    const { shard, epoch } = tenure;
    const current = await this.#swapUntilKnown(shard, epoch, next);
    if (current !== undefined && !tenure.hasEnded && isSame(current, next)) return current;
    if (current !== undefined) directory.adoptAssignment(shard, current);
    await ownership.settle(shard);
    return undefined;
  }

  /** Undefined only when this node stops. @throws what the coordinator refuses for good */
  async #swapUntilKnown(
    shard: ShardId,
    epoch: number,
    next: ShardAssignment,
  ): Promise<ShardAssignment | undefined> {
    const { coordinator, clock, log } = this.#ports;
    while (!this.#isStopped) {
      try {
        return (await coordinator.swap(shard, epoch, next)).current;
      } catch (cause) {
        log.event('warn', 'coordinator_lost', { shard, ...errorFields(cause) });
        if (cause instanceof FastChatError && cause.retry === 'never') return undefined;
      }
      await new Promise<void>((resolve) => {
        clock.after(COORDINATOR_RETRY_MS, resolve);
      });
    }
    return undefined;
  }

  /** Steps 2 to 4 of a transfer. */
  async #give(tenure: Tenure, to: NodeId): Promise<boolean> {
    const { ownership, clock, store, directory, replication } = this.#ports;
    const { shard, epoch, replicas } = tenure;
    await ownership.freeze(shard, epoch);
    const hasAll = (): boolean => {
      const { seq } = store.head(shard);
      return tenure.acknowledged >= seq && tenure.flushedAt(to) >= seq;
    };
    const isReady = await until(clock, tenure, REPLICA_DRAIN_TIMEOUT_MS, hasAll);
    if (!isReady || tenure.hasEnded) {
      await ownership.thaw(shard);
      return false;
    }
    await store.fence(shard, epoch + 1);
    const next = { epoch: epoch + 1, owner: to, replicas };
    const current = await this.#swapUntilKnown(shard, epoch, next);
    if (current !== undefined) directory.adoptAssignment(shard, current);
    await ownership.settle(shard);
    const now = directory.assignment(shard);
    if (now?.owner !== to) return false;
    replication.grant(to, shard, now);
    return true;
  }
}

function isSame(left: ShardAssignment, right: ShardAssignment): boolean {
  const isSameSet =
    left.replicas.length === right.replicas.length &&
    left.replicas.every((node) => right.replicas.includes(node));
  return left.epoch === right.epoch && left.owner === right.owner && isSameSet;
}

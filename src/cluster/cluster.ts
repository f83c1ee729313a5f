/** Puts the parts of the cluster layer together for one node. */
import type { Clock } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import type { Random } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { COORDINATOR_RETRY_MS, COORDINATOR_START_WAIT_MS } from '../protocol/limits.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import { Handover } from './handover.ts';
import { Learner } from './learner.ts';
import { Membership } from './membership.ts';
import type { MemberStatus } from './membership.ts';
import type { MeshPort } from './mesh-port.ts';
import { Ownership } from './ownership.ts';
import type { ShardServing } from './ownership.ts';
import { Rebalancer } from './rebalancer.ts';
import { singleReplicaSets } from './replication/replica-sets.ts';
import type { ReplicaSets, ReplicationStatus } from './replication/replica-sets.ts';
import { createRouter } from './router.ts';
import type { Router } from './router.ts';
import type { LocalActors, LocalSessions } from './router-ports.ts';
import { ShardDirectory } from './shard-map.ts';
import { Sweeper } from './sweeper.ts';
import { ViewFollower } from './view-follower.ts';

export interface ClusterPorts {
  readonly self: NodeId;
  readonly mesh: MeshPort;
  readonly store: ShardStore;
  readonly coordinator: Coordinator;
  readonly actors: LocalActors;
  readonly sessions: LocalSessions;
  readonly serving: ShardServing;
  /** Nodes that announced that they are leaving (the balancer's load table knows). Default: none. */
  readonly isLeaving?: (node: NodeId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What `/cluster` and the metrics show. */
export interface ClusterStatus {
  readonly mapVersion: number;
  readonly shards: number;
  readonly members: readonly MemberStatus[];
  /** Shards by owner, as far as known here. */
  readonly owned: Readonly<Record<string, number>>;
  /** Shards that this node serves. */
  readonly served: number;
  /** Shards that this node hands over now. */
  readonly moving: number;
  /** Messages that wait for shards on the move. */
  readonly waiting: number;
}

export class Cluster {
  readonly directory: ShardDirectory;
  readonly router: Router;
  /** Of this node, from its construction until it has stopped serving. */
  readonly lease: Lease;
  readonly ownership: Ownership;
  readonly replicaSets: ReplicaSets;
  readonly #clock: Clock;
  readonly #membership: Membership;
  readonly #follower: ViewFollower;
  readonly #handover: Handover;
  readonly #sweeper: Sweeper;
  readonly #rebalancer: Rebalancer;

  /** Serves the mesh services `actor`, `session` and `handover`; nothing moves before `start`. */
  constructor(ports: ClusterPorts) {
    const { isLeaving = () => false } = ports;
    const directory = new ShardDirectory(ports.store);
    const common = { ...ports, isLeaving, directory };
    const follower = new ViewFollower(common);
    const membership = new Membership(common);
    const ownership = new Ownership(common);
    const refresh = (): void => void follower.refresh();
    const learner = new Learner({ ...common, ownership });
    const handover = new Handover({ ...common, ownership, learner });
    const sweeper = new Sweeper({ ...common, learner });
    this.#clock = ports.clock;
    this.directory = directory;
    this.lease = ports.coordinator.lease(ports.self);
    this.ownership = ownership;
    this.replicaSets = singleReplicaSets((shard) => this.#replication(ports.store, shard));
    this.router = createRouter({ ...common, ownership, refresh });
    this.#membership = membership;
    this.#follower = follower;
    this.#handover = handover;
    this.#sweeper = sweeper;
    this.#rebalancer = new Rebalancer({
      ...common,
      membership,
      ownership,
      handover,
      learner,
      sweeper,
    });
  }

  /** Connects to the members, takes this node's shards and begins to keep them even. */
  async start(): Promise<void> {
    this.#membership.start();
    await this.ownership.start(await this.#reachCoordinator());
    this.#sweeper.start();
    this.#rebalancer.start();
  }

  /** Hands over what others can take; the number of shards left here. To be bounded by the caller's deadline. */
  drain(): Promise<number> {
    return this.#rebalancer.drain();
  }

  /** Waits for hand-overs under way; the coordinator, the mesh and the store are closed by whoever opened them. */
  async stop(): Promise<void> {
    await this.#rebalancer.stop();
    this.#sweeper.stop();
    this.ownership.stop();
    this.router.stop();
    await this.lease.end();
    this.#follower.stop();
    this.#membership.stop();
    await this.directory.saved();
  }

  /** For the store's option of the same name: what hand-overs under way still need of a shard's journal. */
  journalFloor(shard: ShardId): number | undefined {
    return this.#handover.journalFloor(shard);
  }

  status(): ClusterStatus {
    const { map } = this.directory.view;
    const owned: Record<string, number> = {};
    for (const { owner } of map.shards) owned[owner] = (owned[owner] ?? 0) + 1;
    return {
      mapVersion: map.version,
      shards: map.shards.length,
      members: this.#membership.status(),
      owned,
      served: this.ownership.servedCount,
      moving: this.#handover.moving,
      waiting: this.router.waiting,
    };
  }

  #replication(store: ShardStore, shard: ShardId): ReplicationStatus {
    const { epoch = 0 } = this.directory.assignment(shard) ?? {};
    const role = this.ownership.servedEpoch(shard) === undefined ? 'none' : 'owner';
    return { role, epoch, acknowledged: store.head(shard).seq, replicas: [] };
  }

  /** The mesh needs a moment to come up; after COORDINATOR_START_WAIT_MS the last known map has to do. */
  async #reachCoordinator(): Promise<boolean> {
    const giveUpMs = this.#clock.mono() + COORDINATOR_START_WAIT_MS;
    for (;;) {
      if (await this.#follower.refresh()) return true;
      if (this.#clock.mono() >= giveUpMs) return false;
      await new Promise<void>((resolve) => {
        this.#clock.after(COORDINATOR_RETRY_MS, resolve);
      });
    }
  }
}

/** Puts the parts of the cluster layer together for one node. */
import type { Clock } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import type { Histogram } from '../ops/metric-types.ts';
import type { Random } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import {
  COORDINATOR_RETRY_MS,
  COORDINATOR_START_WAIT_MS,
  FORGOTTEN_TOLD_MAX,
  MISSED_TOLD_MAX,
} from '../protocol/limits.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import { FailOver } from './fail-over.ts';
import { Membership } from './membership.ts';
import type { MemberStatus } from './membership.ts';
import type { MeshPort } from './mesh-port.ts';
import { PeerMaps } from './peer-maps.ts';
import { Ownership } from './ownership.ts';
import type { ShardServing } from './ownership.ts';
import { NodeHealth } from './placement/health.ts';
import { PlacementKeeper } from './placement/keeper.ts';
import type { PlacementStep } from './placement/plan.ts';
import type { Standings } from './placement/standing.ts';
import { summarise } from './placement/summary.ts';
import type { PlacementSummary } from './placement/summary.ts';
import type { PlantedBugs } from './replication/planted-bugs.ts';
import { Reconfiguration } from './replication/reconfiguration.ts';
import type { ReplicaSets } from './replication/replica-sets.ts';
import { serveReplica } from './replication/replica-service.ts';
import { Replication } from './replication/replication.ts';
import type { ReplicationCounters } from './replication/replication.ts';
import { Retreat } from './retreat.ts';
import { createRouter } from './router.ts';
import type { Router } from './router.ts';
import type { LocalActors, LocalSessions } from './router-ports.ts';
import { ShardDirectory } from './shard-map.ts';
import { StoreRecognition } from './store-recognition.ts';
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
  /** Nodes that an operator has given up for good, by what other nodes tell. Default: none. */
  readonly isForgotten?: (node: NodeId) => boolean;
  /** Whether another member hears `node`. Default: nobody tells. */
  readonly isHeardElsewhere?: (node: NodeId) => boolean;
  /** This node can serve its sessions, or no longer. */
  readonly onFit?: (isFit: boolean) => void;
  /** Copies that every shard should have. */
  readonly replicas: number;
  /** After how long the copies of a dead node are made anew elsewhere. */
  readonly replaceAfterMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Mistakes for the simulator to notice. */
  readonly bugs?: PlantedBugs;
}

/** What `/cluster` and the metrics show. */
export interface ClusterStatus extends PlacementSummary {
  readonly mapVersion: number;
  readonly shards: number;
  readonly members: readonly MemberStatus[];
  /** Shards that this node serves. */
  readonly served: number;
  /** Shards whose copies or owner this node changes now. */
  readonly moving: number;
  /** Messages that wait for shards on the move. */
  readonly waiting: number;
  /** Changes of copies and owners made here, and take-overs, since the start. */
  readonly steps: Readonly<Record<'ok' | 'failed', number>>;
  readonly takeOvers: Readonly<Record<'ok' | 'failed', number>>;
  readonly takeOverTimes: Histogram;
}

export class Cluster {
  readonly directory: ShardDirectory;
  readonly router: Router;
  /** Of this node, from its construction until it has stopped serving. */
  readonly lease: Lease;
  readonly recognition: StoreRecognition;
  readonly ownership: Ownership;
  readonly replicaSets: ReplicaSets;
  readonly #ports: ClusterPorts;
  #liveness: { cancel(): void } | undefined;
  readonly #membership: Membership;
  readonly #follower: ViewFollower;
  readonly #replication: Replication;
  readonly #reconfiguration: Reconfiguration;
  readonly #sweeper: Sweeper;
  readonly #health: NodeHealth;
  readonly #keeper: PlacementKeeper;
  readonly #failOver: FailOver;
  readonly #peerMaps: PeerMaps;
  readonly #retreat: Retreat;
  /** Given up at this node. */
  readonly #forgotten = new Set<NodeId>();
  readonly #isForgottenElsewhere: (node: NodeId) => boolean;

  /** Serves the mesh services `actor`, `session`, `replica` and `map`; nothing moves before `start`. */
  constructor(ports: ClusterPorts) {
    const { isLeaving = () => false, isForgotten = () => false } = ports;
    const directory = new ShardDirectory(ports.store);
    const common = { ...ports, isLeaving, directory };
    const follower = new ViewFollower(common);
    const membership = new Membership(common);
    const replication = new Replication(common);
    const isDead = (node: NodeId): boolean => ports.coordinator.live()?.has(node) === false;
    const recognition = new StoreRecognition(common);
    const isTrusted = (): boolean => recognition.isTrusted;
    const ownership = new Ownership({ ...common, isDead, isTrusted, replication });
    const reconfiguration = new Reconfiguration({ ...common, ownership, replication });
    const { replica } = replication;
    const refresh = (): void => void follower.refresh();
    const sweeper = new Sweeper({ ...common, replica });
    serveReplica({ ...common, ownership, replica, isTrusted });
    this.#ports = ports;
    this.directory = directory;
    this.lease = ports.coordinator.lease(ports.self);
    this.recognition = recognition;
    this.ownership = ownership;
    this.replicaSets = reconfiguration;
    this.#replication = replication;
    this.#reconfiguration = reconfiguration;
    this.router = createRouter({ ...common, ownership, refresh });
    this.#membership = membership;
    this.#follower = follower;
    this.#sweeper = sweeper;
    this.#isForgottenElsewhere = isForgotten;
    this.#health = new NodeHealth({
      ...common,
      membership,
      isForgotten: (node) => this.isForgotten(node),
    });
    this.#keeper = new PlacementKeeper({
      ...common,
      replicaSets: this.replicaSets,
      standings: () => this.standings(),
      onRest: () => void sweeper.sweep(),
    });
    this.#failOver = new FailOver({ ...common, membership, replicaSets: this.replicaSets });
    this.#peerMaps = new PeerMaps({ ...common, membership, lease: this.lease });
    this.#retreat = new Retreat({
      onFit: () => undefined,
      isHeardElsewhere: () => false,
      ...common,
      membership,
      lease: this.lease,
    });
  }

  /** Connects to the members, takes this node's shards and begins to keep copies and owners as they should be. */
  async start(): Promise<void> {
    this.#membership.start();
    this.#peerMaps.start();
    this.#retreat.start();
    const isReached = await this.#reachCoordinator();
    const recognised = this.recognition.start();
    if (isReached) await recognised;
    await this.ownership.start();
    this.#sweeper.start();
    this.#keeper.start();
    this.#failOver.start();
    this.#membership.onChange(() => this.#keeper.changed());
    this.#liveness = this.#ports.coordinator.watch(
      () => undefined,
      () => this.#keeper.changed(),
    );
  }

  /** Gives away what others can take; the number of shards left here. To be bounded by the caller's deadline. */
  drain(): Promise<number> {
    this.#replication.replica.leave();
    return this.#keeper.drain();
  }

  /** How every member stands, as far as known here. */
  standings(): Standings {
    return this.#health.standings();
  }

  /** What all nodes together would do now to bring copies and owners where they should be. */
  plan(): readonly PlacementStep[] {
    return this.#keeper.plan();
  }

  /** Looks at once, also at shards whose last step failed. */
  rebalance(): void {
    this.#keeper.runNow();
  }

  /** This dead member does not come back: its copies are made anew without waiting any longer. */
  forget(node: NodeId): void {
    this.#forgotten.add(node);
    this.#keeper.runNow();
  }

  isForgotten(node: NodeId): boolean {
    return this.#forgotten.has(node) || this.#isForgottenElsewhere(node);
  }

  /** Members that were given up at this node; the others have to be told. */
  get forgotten(): readonly NodeId[] {
    const members = new Set(this.directory.members.map(({ node }) => node));
    return [...this.#forgotten].filter((node) => members.has(node)).slice(0, FORGOTTEN_TOLD_MAX);
  }

  /** False while this node serves nobody, because it does not hear enough of the others. */
  get isFit(): boolean {
    return this.#retreat.isFit;
  }

  /** Members that this node does not hear, as heartbeats tell them. */
  get missed(): readonly NodeId[] {
    const missed = this.directory.members.filter(({ node }) => !this.#membership.isUp(node));
    return missed.slice(0, MISSED_TOLD_MAX).map(({ node }) => node);
  }

  /** Waits for steps under way; the coordinator, the mesh and the store are closed by whoever opened them. */
  async stop(): Promise<void> {
    this.#retreat.stop();
    this.#peerMaps.stop();
    this.#failOver.stop();
    this.#liveness?.cancel();
    await this.#keeper.stop();
    this.#sweeper.stop();
    this.ownership.stop();
    this.#reconfiguration.stop();
    this.#replication.stop();
    this.router.stop();
    await this.lease.end();
    this.#follower.stop();
    this.#membership.stop();
    this.recognition.stop();
    await this.directory.saved();
  }

  /** For the store's option of the same name: what replicas still need of a shard's journal. */
  journalFloor(shard: ShardId): number | undefined {
    return this.#replication.journalFloor(shard);
  }

  /** Whether nobody else can own a shard that is served here (I5): it has no other replica, or the lease holds. */
  isCertain(shard: ShardId): boolean {
    const { replicas = [] } = this.ownership.tenure(shard) ?? {};
    return replicas.length <= 1 || this.#ports.clock.mono() < this.lease.validUntilMs;
  }

  replicationCounters(): ReplicationCounters {
    return this.#replication.counters();
  }

  status(): ClusterStatus {
    const { map } = this.directory.view;
    const { replicas } = this.#ports;
    const standings = this.standings();
    return {
      mapVersion: map.version,
      shards: map.shards.length,
      members: this.#membership.status(),
      ...summarise({ shards: map.shards, replicas, standings }),
      served: this.ownership.servedCount,
      moving: this.#keeper.moving,
      waiting: this.router.waiting,
      steps: this.#keeper.steps,
      takeOvers: this.#failOver.tries,
      takeOverTimes: this.#failOver.times,
    };
  }

  /** The mesh needs a moment to come up; after COORDINATOR_START_WAIT_MS the last known map has to do. */
  async #reachCoordinator(): Promise<boolean> {
    const { clock } = this.#ports;
    const giveUpMs = clock.mono() + COORDINATOR_START_WAIT_MS;
    for (;;) {
      if (await this.#follower.refresh()) return true;
      if (clock.mono() >= giveUpMs) return false;
      await new Promise<void>((resolve) => {
        clock.after(COORDINATOR_RETRY_MS, resolve);
      });
    }
  }
}

/** The parts of replication that a node has once: feeds to the other nodes, the replica's side, and all tenures. */
import { every } from '../../ops/clock.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import type { ShardStore } from '../../persist/shard-store.ts';
import { encode } from '../../protocol/codec.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { COMMIT_TICK_MS, JOURNAL_HELD_MAX } from '../../protocol/limits.ts';
import type { ShardAssignment } from '../members.ts';
import type { MeshPort } from '../mesh-port.ts';
import { AntiEntropy } from './anti-entropy.ts';
import { CatchUp } from './catch-up.ts';
import { Feeds } from './feeds.ts';
import { granted } from './frames.ts';
import type { PlantedBugs } from './planted-bugs.ts';
import { Replica } from './replica.ts';
import { Tenure } from './tenure.ts';

export interface ReplicationPorts {
  readonly self: NodeId;
  readonly mesh: MeshPort;
  readonly store: ShardStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly bugs?: PlantedBugs | undefined;
}

/** For the metrics. */
export interface ReplicationCounters {
  /** Shards that this node owns and other nodes replicate. */
  readonly replicated: number;
  /** Commits that the slowest replica of any of them is behind. */
  readonly lag: number;
  /** Commits that are made here and not acknowledged. */
  readonly unacknowledged: number;
  /** Replicas that do not answer. */
  readonly silent: number;
  /** Copies made in pages. */
  readonly copies: number;
  readonly rollBacks: number;
  /** Replicas compared by their digest. */
  readonly compared: number;
  /** Replicas that differed, and were copied anew. */
  readonly repairs: number;
}

export class Replication {
  readonly bugs: PlantedBugs;
  readonly feeds: Feeds;
  readonly replica: Replica;
  readonly #ports: ReplicationPorts;
  readonly #catchUp: CatchUp;
  readonly antiEntropy: AntiEntropy;
  readonly #tenures = new Map<ShardId, Tenure>();
  readonly #ticker: Timer;
  #isStopped = false;

  constructor(ports: ReplicationPorts) {
    this.bugs = ports.bugs ?? {};
    this.#ports = ports;
    this.feeds = new Feeds(ports);
    this.replica = new Replica(ports);
    this.#catchUp = new CatchUp({ ...ports, feeds: this.feeds });
    this.antiEntropy = new AntiEntropy({
      ...ports,
      feeds: this.feeds,
      tenures: () => [...this.#tenures.values()].filter(({ hasEnded }) => !hasEnded),
    });
    this.#ticker = every(ports.clock, COMMIT_TICK_MS, () => this.#tick());
    ports.mesh.onPeer((node, change) => {
      if (change === 'up') this.#catchUp.wake(node);
      // Its next life may have another disk.
      else for (const tenure of this.#tenures.values()) tenure.doubt(node, false);
    });
  }

  /** A new tenure of an epoch that this node has promised; its marker is still to be made. */
  openTenure(
    shard: ShardId,
    assignment: ShardAssignment,
    onFenced: (tenure: Tenure, promised: number) => void,
  ): Tenure {
    const { self, store } = this.#ports;
    const tenure = new Tenure(shard, assignment, {
      self,
      store,
      feeds: this.feeds,
      bugs: this.bugs,
      catchUp: (of, follower) => this.#catchUp.begin({ tenure: of, follower }),
      onFenced,
    });
    this.#tenures.set(shard, tenure);
    return tenure;
  }

  /** Tells a node at once that the map gives it a shard. */
  grant(node: NodeId, shard: ShardId, assignment: ShardAssignment): void {
    this.#ports.mesh.tell(node, 'replica', encode(granted, { shard, assignment }));
  }

  /** For the store's option of the same name: what replicas still need of a shard's journal, within bounds. */
  journalFloor(shard: ShardId): number | undefined {
    const floor = this.#live(shard)?.journalFloor;
    if (floor === undefined) return undefined;
    return Math.max(floor, this.#ports.store.head(shard).seq - JOURNAL_HELD_MAX);
  }

  counters(): ReplicationCounters {
    let replicated = 0;
    let lag = 0;
    let unacknowledged = 0;
    let silent = 0;
    for (const tenure of this.#tenures.values()) {
      if (tenure.hasEnded || tenure.followers.size === 0) continue;
      const { seq } = this.#ports.store.head(tenure.shard);
      replicated += 1;
      unacknowledged += seq - tenure.acknowledged;
      for (const { node, state } of tenure.followers.values()) {
        lag = Math.max(lag, seq - tenure.flushedAt(node));
        if (state === 'silent') silent += 1;
      }
    }
    const { counters } = this.antiEntropy;
    return { replicated, lag, unacknowledged, silent, ...this.#catchUp.counters, ...counters };
  }

  /** Catches nobody up any more; commits under way come to their end. */
  stop(): void {
    this.#isStopped = true;
    this.#catchUp.stop();
    this.antiEntropy.stop();
  }

  #live(shard: ShardId): Tenure | undefined {
    const tenure = this.#tenures.get(shard);
    return tenure?.hasEnded === false ? tenure : undefined;
  }

  #tick(): void {
    if (this.#isStopped && [...this.#tenures.values()].every(({ isIdle }) => isIdle))
      this.#ticker.cancel();
    for (const [shard, tenure] of this.#tenures) {
      if (tenure.hasEnded) this.#tenures.delete(shard);
      else tenure.tick();
    }
  }
}

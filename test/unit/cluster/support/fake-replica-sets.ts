/** Replica sets that do at once, or when the test says so, what they are asked: only the map remembers. */
import type { ShardAssignment } from '../../../../src/cluster/members.ts';
import type { ReplicaSets } from '../../../../src/cluster/replication/replica-sets.ts';
import type { ShardDirectory } from '../../../../src/cluster/shard-map.ts';
import type { Clock } from '../../../../src/ops/clock.ts';
import type { NodeId, ShardId } from '../../../../src/protocol/ids.ts';

/** The one map of a cluster without messages: every node's directory adopts each change at once. */
export class SharedMap {
  readonly directories: ShardDirectory[] = [];
  #version = 100;

  set(shard: ShardId, next: ShardAssignment): void {
    this.#version += 1;
    for (const directory of this.directories) {
      const { members, map } = directory.view;
      const shards = map.shards.with(shard, next);
      directory.adopt({ members, map: { version: this.#version, shards } });
    }
  }

  assignment(shard: ShardId): ShardAssignment {
    const found = this.directories[0]?.assignment(shard);
    if (found === undefined) throw new Error(`no shard ${shard}`);
    return found;
  }
}

type Change = (now: ShardAssignment) => Pick<ShardAssignment, 'owner' | 'replicas'>;

export class FakeReplicaSets implements ReplicaSets {
  readonly log: string[] = [];
  /** Asked before a change is made; false: it fails. */
  allows: (what: string, shard: ShardId) => boolean = () => true;
  /** How many changes are being made now, and the most there ever were. */
  atOnce = { now: 0, most: 0 };
  readonly #self: NodeId;
  readonly #map: SharedMap;
  readonly #clock: Clock;

  constructor(self: NodeId, map: SharedMap, clock: Clock) {
    this.#self = self;
    this.#map = map;
    this.#clock = clock;
  }

  takeOver(shard: ShardId): Promise<boolean> {
    return this.#change('takeOver', shard, ({ replicas }) => ({ owner: this.#self, replicas }));
  }

  addReplica(shard: ShardId, node: NodeId): Promise<boolean> {
    return this.#change(`add ${node}`, shard, ({ owner, replicas }) => ({
      owner,
      replicas: [...replicas, node],
    }));
  }

  removeReplica(shard: ShardId, node: NodeId): Promise<boolean> {
    return this.#change(`remove ${node}`, shard, ({ owner, replicas }) => ({
      owner,
      replicas: replicas.filter((each) => each !== node),
    }));
  }

  transfer(shard: ShardId, to: NodeId): Promise<boolean> {
    return this.#change(`transfer ${to}`, shard, ({ replicas }) => ({ owner: to, replicas }));
  }

  replication(shard: ShardId): ReturnType<ReplicaSets['replication']> {
    const { owner, epoch, replicas } = this.#map.assignment(shard);
    const held = replicas.includes(this.#self) ? 'replica' : 'none';
    return { role: owner === this.#self ? 'owner' : held, epoch, acknowledged: 0, replicas: [] };
  }

  #change(what: string, shard: ShardId, change: Change): Promise<boolean> {
    this.log.push(`${shard}: ${what}`);
    this.atOnce.now += 1;
    this.atOnce.most = Math.max(this.atOnce.most, this.atOnce.now);
    return new Promise((resolve) => {
      this.#clock.after(5, () => {
        this.atOnce.now -= 1;
        if (!this.allows(what, shard)) return resolve(false);
        const now = this.#map.assignment(shard);
        this.#map.set(shard, { epoch: now.epoch + 1, ...change(now) });
        resolve(true);
      });
    });
  }
}

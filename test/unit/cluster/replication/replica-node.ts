/**
 * The parts of a node that replicate shards, over the twins of disk, mesh and coordinator. Its "actors" append what they
 * are asked to, once; what is there already they acknowledge again as soon as it is settled.
 */
import type { Coordinator, Lease } from '../../../../src/cluster/coordinator.ts';
import type { Member } from '../../../../src/cluster/members.ts';
import { Membership } from '../../../../src/cluster/membership.ts';
import type { MemoryCoordinatorService } from '../../../../src/cluster/memory-coordinator.ts';
import { Ownership } from '../../../../src/cluster/ownership.ts';
import type { PlantedBugs } from '../../../../src/cluster/replication/planted-bugs.ts';
import { Reconfiguration } from '../../../../src/cluster/replication/reconfiguration.ts';
import { serveReplica } from '../../../../src/cluster/replication/replica-service.ts';
import { Replication } from '../../../../src/cluster/replication/replication.ts';
import { ShardDirectory } from '../../../../src/cluster/shard-map.ts';
import { Sweeper } from '../../../../src/cluster/sweeper.ts';
import { ViewFollower } from '../../../../src/cluster/view-follower.ts';
import { createMesh } from '../../../../src/net/mesh.ts';
import type { Mesh } from '../../../../src/net/mesh.ts';
import type { MemoryMesh } from '../../../../src/net/memory-transport.ts';
import { every } from '../../../../src/ops/clock.ts';
import type { Clock } from '../../../../src/ops/clock.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import type { Log } from '../../../../src/ops/log.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import type { Random } from '../../../../src/ops/random.ts';
import { storeKey } from '../../../../src/persist/keys.ts';
import { MemoryDisk } from '../../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../../src/persist/memory-shard-store.ts';
import type { ShardStore } from '../../../../src/persist/shard-store.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import { allShards } from '../../../../src/cluster/shards.ts';
import { ScopedClock } from '../../../support/scoped-clock.ts';

/** Mistakes of the store beside those of replication. */
export interface WorldBugs extends PlantedBugs {
  readonly ignoreEpoch?: boolean;
  readonly acknowledgeBeforeFlush?: boolean;
}

export interface ReplicaWorldPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly mesh: MemoryMesh;
  readonly coordinators: MemoryCoordinatorService;
  readonly bugs: WorldBugs;
  /** How long a flush takes at the moment. */
  readonly flushDelayMs: (node: NodeId) => number;
  readonly log?: Log;
}

export interface Stored {
  readonly seq: number;
  /** In which the owner acknowledged it. */
  readonly epoch: number;
  /** Tells one commit of a value from another one. */
  readonly id: string;
}

/** The key under which the value of a writer is kept. */
export function valueKey(writer: number, counter: number): Uint8Array {
  return storeKey('value', writer, counter);
}

export class ReplicaNode {
  readonly id: NodeId;
  #disk = new MemoryDisk();
  #isPutBack = false;
  /** Starts and crashes, to tell whether a start is still wanted. */
  #changes = 0;
  #isStarting = false;
  readonly #ports: ReplicaWorldPorts;
  #clock: ScopedClock;
  #life: Life | undefined;

  constructor(name: string, ports: ReplicaWorldPorts) {
    this.id = parseNodeId(name);
    this.#ports = ports;
    this.#clock = new ScopedClock(ports.clock);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** Neither up nor about to be. */
  get isDown(): boolean {
    return !this.isUp && !this.#isStarting;
  }

  get life(): Life {
    if (this.#life === undefined) throw new Error(`${this.id} is down`);
    return this.#life;
  }

  get member(): Member {
    const { endpoint, curveKey } = this.#ports.mesh.address(this.id);
    const place = { gateHost: this.id, gatePort: 7400 };
    return { node: this.id, meshEndpoint: endpoint, curveKey, ...place };
  }

  async start(): Promise<void> {
    const { clock, random, bugs, flushDelayMs } = this.#ports;
    this.#clock = new ScopedClock(clock);
    this.#changes += 1;
    this.#isStarting = true;
    const change = this.#changes;
    const own = seededRandom(Math.floor(random.fraction() * 2 ** 32));
    let life: Life | undefined;
    const store = await createMemoryShardStore({
      clock: this.#clock,
      disk: this.#disk,
      flushDelayMs: () => flushDelayMs(this.id),
      journalFloor: (shard) => life?.replication.journalFloor(shard),
      resolveBeforeFlush: bugs.acknowledgeBeforeFlush === true,
      ignoreEpoch: bugs.ignoreEpoch === true,
    });
    // It has died while it opened its store.
    if (change !== this.#changes) return;
    this.#isStarting = false;
    life = new Life(this.id, { ...this.#ports, clock: this.#clock, random: own }, store);
    this.#life = life;
    const isPutBack = this.#isPutBack;
    await life.start(this.member, isPutBack, () => {
      this.#isPutBack = false;
    });
  }

  /** As `kill -9`: unflushed writes are gone, or some of them are not. */
  crash(kept = 0): void {
    this.#life = undefined;
    this.#changes += 1;
    this.#isStarting = false;
    this.#clock.die();
    this.#ports.mesh.crash(this.id);
    this.#disk.crash(kept);
  }

  /** What a back-up of the machine would hold. */
  backUp(): MemoryDisk {
    return this.#disk.copy();
  }

  /** After a crash: the disk is replaced by an older one, which the next start finds out. */
  putBack(disk: MemoryDisk): void {
    this.#disk = disk;
    this.#isPutBack = true;
  }

  /** SIGSTOP and SIGCONT. */
  pause(): void {
    this.#clock.stop();
    this.#ports.mesh.pause(this.id);
  }

  resume(): void {
    this.#clock.go();
    this.#ports.mesh.resume(this.id);
  }
}

/** From one start of a node to its end. */
export class Life {
  readonly store: ShardStore;
  readonly directory: ShardDirectory;
  readonly ownership: Ownership;
  readonly replication: Replication;
  readonly sets: Reconfiguration;
  readonly lease: Lease;
  readonly #self: NodeId;
  readonly #ports: ReplicaWorldPorts;
  readonly #mesh: Mesh;
  readonly #coordinator: Coordinator;
  readonly #membership: Membership;
  readonly #follower: ViewFollower;
  readonly #sweeper: Sweeper;
  /** Work of the actors of a shard. */
  readonly #work = new Map<ShardId, Set<Promise<number>>>();

  #isTrusted = false;
  readonly #underWay = new Map<string, Promise<Stored>>();

  constructor(self: NodeId, ports: ReplicaWorldPorts, store: ShardStore) {
    const { clock, random, mesh, coordinators, bugs, log = silentLog } = ports;
    this.#self = self;
    this.#ports = ports;
    this.store = store;
    this.#mesh = createMesh({
      transport: mesh.open(self),
      clock,
      random,
      bootId: `boot-${random.fraction()}`,
      heartbeat: () => new Uint8Array(0),
    });
    this.#coordinator = coordinators.seenBy(self, clock);
    this.directory = new ShardDirectory(store);
    const serving = {
      freeze: async (shard: ShardId): Promise<void> => {
        await Promise.allSettled(this.#work.get(shard) ?? new Set<Promise<number>>());
      },
      resume: () => undefined,
    };
    const common = {
      self,
      mesh: this.#mesh,
      store,
      coordinator: this.#coordinator,
      directory: this.directory,
      serving,
      clock,
      log,
      bugs,
      isTrusted: () => this.#isTrusted,
      isDead: (node: NodeId) => this.#coordinator.live()?.has(node) === false,
    };
    this.replication = new Replication(common);
    this.ownership = new Ownership({ ...common, replication: this.replication });
    const both = { ...common, ownership: this.ownership, replication: this.replication };
    const { replica } = this.replication;
    this.sets = new Reconfiguration(both);
    this.#membership = new Membership(common);
    this.#follower = new ViewFollower(common);
    this.#sweeper = new Sweeper({ ...common, replica });
    serveReplica({ ...both, replica, isTrusted: () => this.#isTrusted });
    this.lease = this.#coordinator.lease(self);
  }

  async start(member: Member, isPutBack: boolean, recognised: () => void): Promise<void> {
    const { clock } = this.#ports;
    const recognise = async (): Promise<boolean> => {
      const isDone = await this.#recognise(member, isPutBack);
      if (isDone) recognised();
      return isDone;
    };
    const isReached = await recognise();
    if (!isReached) {
      const again = every(clock, 500, () => {
        void recognise().then((isDone) => isDone && again.cancel());
      });
    }
    this.#membership.start();
    await this.ownership.start();
    this.#sweeper.start();
    every(clock, 1000, () => void this.#follower.refresh());
    every(clock, 300, () => this.#failOver());
  }

  /** As StoreRecognition does: copies count once it is known that they are what this node last had. */
  async #recognise(member: Member, isPutBack: boolean): Promise<boolean> {
    const view = await this.#coordinator.join(member).catch(() => undefined);
    if (view === undefined) return false;
    this.directory.adopt(view);
    const isElsewhere = (shard: ShardId): boolean =>
      view.map.shards[shard]?.replicas.some((node) => node !== this.#self) === true;
    if (isPutBack) await this.store.distrustCopies(isElsewhere);
    this.#isTrusted = true;
    return true;
  }

  /** Appends a value, unless it is there or on its way. @throws what the tenure rejects with */
  put(shard: ShardId, writer: number, counter: number): Promise<Stored> {
    const name = `${writer}/${counter}`;
    const isHere = this.store.get(shard, valueKey(writer, counter)) !== undefined;
    const underWay = isHere ? undefined : this.#underWay.get(name);
    if (underWay !== undefined) return underWay;
    const stored = this.#putNow(shard, writer, counter).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, stored);
    return stored;
  }

  async #putNow(shard: ShardId, writer: number, counter: number): Promise<Stored> {
    const tenure = this.ownership.tenure(shard);
    if (tenure === undefined) throw new FastChatError('E_MOVED', 'not served here');
    const key = valueKey(writer, counter);
    const present = this.store.get(shard, key);
    const value = present ?? this.#ports.random.bytes(12);
    const odd = counter % 2 === 0 ? undefined : new Uint8Array(3);
    const work =
      present === undefined
        ? tenure.commit([
            { key, value },
            { key: storeKey('last', writer), value: Uint8Array.of(counter & 0xff) },
            // Something that is removed again, so that deltas and roll-backs have removals.
            { key: storeKey('odd', writer), value: odd },
          ])
        : tenure.settled().then(() => 0);
    const open = this.#work.get(shard) ?? new Set<Promise<number>>();
    this.#work.set(shard, open.add(work));
    try {
      const id = Buffer.from(value).toString('hex');
      return { seq: await work, epoch: tenure.epoch, id };
    } finally {
      open.delete(work);
    }
  }

  #failOver(): void {
    const live = this.#coordinator.live();
    if (live === undefined) return;
    for (const shard of allShards(this.directory.shards)) {
      const { owner, replicas = [] } = this.directory.assignment(shard) ?? {};
      const isOrphan = owner !== undefined && !live.has(owner);
      if (isOrphan && replicas.includes(this.#self)) void this.sets.takeOver(shard);
    }
  }
}

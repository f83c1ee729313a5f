/**
 * Nodes that replicate a few shards, writers, faults, and a judge. A run has a phase with faults and one without: then
 * everything acknowledged must be served, and the replicas of every shard must be equal. One seed, one run.
 */
import { MemoryCoordinatorService } from '../../../../src/cluster/memory-coordinator.ts';
import { allShards } from '../../../../src/cluster/shards.ts';
import { MemoryMesh } from '../../../../src/net/memory-transport.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import type { Random } from '../../../../src/ops/random.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import type { NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import { ReplicaNode, valueKey } from './replica-node.ts';
import type { Stored, WorldBugs } from './replica-node.ts';

export interface ReplicaRun {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly faults: number;
  readonly story: readonly string[];
}

export interface ReplicaWorldOptions {
  readonly seed: number;
  readonly bugs?: WorldBugs;
  readonly stormMs?: number;
  /** Faults a second. */
  readonly faultRate?: number;
  readonly shards?: number;
  readonly writers?: number;
}

const HEAL_LIMIT_MS = 60_000;
const NODES = ['n1', 'n2', 'n3', 'n4'];

interface Acknowledgement extends Stored {
  readonly shard: ShardId;
  readonly writer: number;
  readonly counter: number;
}

export class ReplicaWorld {
  readonly clock: VirtualClock;
  readonly nodes: readonly ReplicaNode[];
  readonly coordinators: MemoryCoordinatorService;
  readonly mesh: MemoryMesh;
  readonly shards: readonly ShardId[];
  readonly story: string[] = [];
  readonly #options: Required<ReplicaWorldOptions>;
  readonly #random: Random;
  readonly #slow = new Set<NodeId>();
  readonly #stopped = new Set<NodeId>();
  readonly #violations: string[] = [];
  readonly #acknowledged: Acknowledgement[] = [];
  /** Who acknowledged in which epoch of which shard. */
  readonly #owners = new Map<string, NodeId>();
  readonly #seqs = new Map<string, string>();
  #isStorm = false;
  #isWriting = true;
  #isPutBack = false;
  #faults = 0;

  constructor(options: ReplicaWorldOptions) {
    this.#options = {
      bugs: {},
      stormMs: 12_000,
      faultRate: 1.5,
      shards: 3,
      writers: 4,
      ...options,
    };
    const { seed, bugs } = this.#options;
    this.clock = new VirtualClock({ seed });
    this.#random = seededRandom(seed);
    const random = this.#random;
    this.mesh = new MemoryMesh({ clock: this.clock, random, delayMs: [1, 6] });
    this.coordinators = new MemoryCoordinatorService({
      clock: this.clock,
      shards: this.#options.shards,
    });
    this.shards = allShards(this.#options.shards);
    this.nodes = NODES.map(
      (name) =>
        new ReplicaNode(name, {
          clock: this.clock,
          random,
          mesh: this.mesh,
          coordinators: this.coordinators,
          bugs,
          flushDelayMs: (node) => this.#flushDelayMs(node),
        }),
    );
  }

  async run(): Promise<ReplicaRun> {
    await this.build();
    for (let writer = 0; writer < this.#options.writers; writer += 1) void this.#write(writer, 1);
    this.#isStorm = true;
    this.#scheduleFault();
    await this.clock.advance(this.#options.stormMs);
    this.#isStorm = false;
    await this.#heal();
    return {
      seed: this.#options.seed,
      violations: this.#violations,
      acknowledged: this.#acknowledged.length,
      faults: this.#faults,
      story: this.story,
    };
  }

  /** Every shard gets three replicas before anything happens; the fourth node waits for changes of the sets. */
  async build(): Promise<void> {
    for (const node of this.nodes) {
      const started = node.start();
      await this.clock.advance(300);
      await started;
    }
    await this.clock.advance(500);
    await this.#fill(() => this.nodes.slice(0, 3));
  }

  /** Makes every set one of three, as the planner would. */
  async #fill(candidates: () => readonly ReplicaNode[]): Promise<void> {
    for (let round = 0; round < 40 && !this.#isWhole(); round += 1) {
      for (const shard of this.shards) this.#addMissing(shard, candidates());
      await this.clock.advance(500);
    }
  }

  #isWhole(): boolean {
    return this.shards.every(
      (shard) => this.coordinators.present.map.shards[shard]?.replicas.length === 3,
    );
  }

  #addMissing(shard: ShardId, candidates: readonly ReplicaNode[]): void {
    const owner = this.#serving(shard);
    const replicas = owner?.life.ownership.tenure(shard)?.replicas ?? [];
    const missing = candidates.find(({ id }) => !replicas.includes(id));
    if (owner === undefined || replicas.length >= 3 || missing === undefined) return;
    void owner.life.sets.addReplica(shard, missing.id);
  }

  /** A node that believes to serve the shard; during faults there may be more than one. */
  #serving(shard: ShardId): ReplicaNode | undefined {
    return this.#pick(
      this.nodes.filter(
        (node) =>
          node.isUp &&
          node.life.ownership.tenure(shard) !== undefined &&
          !this.#stopped.has(node.id),
      ),
    );
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random.fraction() * items.length)];
  }

  #flushDelayMs(node: NodeId): number {
    const base = 1 + this.#random.fraction() * 8;
    return this.#slow.has(node) ? base + this.#random.fraction() * 1200 : base;
  }

  /** One writer appends 1, 2, 3 ... each to its own shard, each again until it is acknowledged. */
  async #write(writer: number, counter: number): Promise<void> {
    const shard = this.shards[writer % this.shards.length] as ShardId;
    if (!this.#isWriting) return;
    const owner = this.#serving(shard);
    const again = (delayMs: number, next: number): void => {
      this.clock.after(delayMs, () => void this.#write(writer, next));
    };
    if (owner === undefined) return again(50, counter);
    // Whoever does not answer in time is asked no more; a process that dies never answers.
    let isAnswered = false;
    const timeout = this.clock.after(6000, () => {
      isAnswered = true;
      again(0, counter);
    });
    if (this.#random.fraction() < 0.2)
      this.clock.after(
        this.#random.fraction() * 300,
        () => void this.#repeat(shard, writer, counter),
      );
    try {
      const stored = await owner.life.put(shard, writer, counter);
      this.#note(owner.id, { shard, writer, counter, ...stored });
      if (isAnswered) return;
      timeout.cancel();
      again(this.#random.fraction() * 30, counter + 1);
    } catch {
      if (isAnswered) return;
      timeout.cancel();
      again(20 + this.#random.fraction() * 100, counter);
    }
  }

  /** Whoever is impatient asks again, while the first try is under way or after it. */
  async #repeat(shard: ShardId, writer: number, counter: number): Promise<void> {
    const owner = this.#serving(shard);
    try {
      const stored = await owner?.life.put(shard, writer, counter);
      if (owner !== undefined && stored !== undefined)
        this.#note(owner.id, { shard, writer, counter, ...stored });
    } catch {
      // The first try goes on.
    }
  }

  #note(node: NodeId, stored: Acknowledgement): void {
    const { shard, writer, counter, seq, epoch } = stored;
    this.#acknowledged.push(stored);
    const inEpoch = `shard ${shard} epoch ${epoch}`;
    const other = this.#owners.get(inEpoch) ?? node;
    this.#owners.set(inEpoch, other);
    if (other !== node) this.#violations.push(`${node} and ${other} acknowledged in ${inEpoch}`);
    if (seq === 0) return;
    const place = `shard ${shard} commit ${seq}`;
    const value = `${writer}/${counter}`;
    const before = this.#seqs.get(place) ?? value;
    this.#seqs.set(place, value);
    if (before !== value) this.#violations.push(`${place} is ${before} and ${value}`);
  }

  #scheduleFault(): void {
    if (!this.#isStorm) return;
    const meanMs = 1000 / this.#options.faultRate;
    this.clock.after(this.#random.fraction() * 2 * meanMs, () => {
      if (!this.#isStorm) return;
      this.#faults += 1;
      this.#fault();
      this.#scheduleFault();
    });
  }

  #tell(what: string): void {
    this.story.push(`${Math.round(this.clock.mono())} ${what}`);
  }

  #fault(): void {
    const faults = [
      () => this.#crash(),
      () => this.#crash(),
      () => this.#partition(),
      () => this.#cutOneWay(),
      () => this.#isolate(),
      () => this.#stop(),
      () => this.#slowDown(),
      () => this.#cutOffCoordinator(),
      () => this.#change(),
      () => this.#change(),
      () => this.#backUp(),
      () => this.#crashAll(),
    ];
    this.#pick(faults)?.();
  }

  #crash(): void {
    const node = this.#pick(this.nodes.filter(({ isUp }) => isUp));
    if (node === undefined) return;
    const kept = Math.floor(this.#random.fraction() * 3);
    this.#tell(`crash ${node.id}, ${kept} kept`);
    this.#stopped.delete(node.id);
    node.crash(kept);
    this.clock.after(100 + this.#random.fraction() * 4000, () => this.#restart(node));
  }

  #crashAll(): void {
    if (this.#random.fraction() < 0.7) return;
    this.#tell('power failure');
    for (const node of this.nodes) {
      this.#stopped.delete(node.id);
      if (node.isUp) node.crash(Math.floor(this.#random.fraction() * 2));
      this.clock.after(100 + this.#random.fraction() * 2000, () => this.#restart(node));
    }
  }

  /** One disk a run is put back to an older state, if every shard has another copy. */
  #backUp(): void {
    const node = this.#pick(this.nodes.filter(({ isUp }) => isUp));
    if (node === undefined || this.#isPutBack) return;
    const disk = node.backUp();
    this.clock.after(500 + this.#random.fraction() * 3000, () => {
      const { shards } = this.coordinators.present.map;
      if (this.#isPutBack || !node.isUp || shards.some(({ replicas }) => replicas.length < 3))
        return;
      this.#isPutBack = true;
      this.#tell(`put ${node.id} back`);
      this.#stopped.delete(node.id);
      node.crash();
      node.putBack(disk);
      this.clock.after(100 + this.#random.fraction() * 2000, () => this.#restart(node));
    });
  }

  #restart(node: ReplicaNode): void {
    if (!node.isDown) return;
    this.#tell(`restart ${node.id}`);
    void node.start();
  }

  #pair(): readonly [NodeId, NodeId] | undefined {
    const left = this.#pick(this.nodes);
    const right = this.#pick(this.nodes.filter((node) => node !== left));
    return left === undefined || right === undefined ? undefined : [left.id, right.id];
  }

  #healLater(): void {
    this.clock.after(200 + this.#random.fraction() * 4000, () => {
      this.#tell('links heal');
      this.mesh.heal();
    });
  }

  #partition(): void {
    const pair = this.#pair();
    if (pair === undefined) return;
    this.#tell(`partition ${pair.join(' ')}`);
    this.mesh.partition(...pair);
    this.#healLater();
  }

  #cutOneWay(): void {
    const pair = this.#pair();
    if (pair === undefined) return;
    this.#tell(`one way ${pair.join(' -> ')}`);
    this.mesh.oneWay(...pair);
    this.#healLater();
  }

  /** Away from everybody, the coordinator too: it goes on believing what it knew. */
  #isolate(): void {
    const node = this.#pick(this.nodes);
    if (node === undefined) return;
    this.#tell(`isolate ${node.id}`);
    for (const other of this.nodes) if (other !== node) this.mesh.partition(node.id, other.id);
    this.coordinators.setCutOff(node.id, true);
    this.clock.after(500 + this.#random.fraction() * 4000, () => {
      this.#tell(`${node.id} is back`);
      this.coordinators.setCutOff(node.id, false);
      this.mesh.heal();
    });
  }

  #stop(): void {
    const node = this.#pick(this.nodes.filter(({ isUp, id }) => isUp && !this.#stopped.has(id)));
    if (node === undefined) return;
    this.#tell(`stop ${node.id}`);
    this.#stopped.add(node.id);
    node.pause();
    this.clock.after(200 + this.#random.fraction() * 4000, () => this.#go(node));
  }

  #go(node: ReplicaNode): void {
    if (!this.#stopped.delete(node.id) || !node.isUp) return;
    this.#tell(`continue ${node.id}`);
    node.resume();
  }

  #slowDown(): void {
    const node = this.#pick(this.nodes);
    if (node === undefined) return;
    this.#tell(`slow disk ${node.id}`);
    this.#slow.add(node.id);
    this.clock.after(1000 + this.#random.fraction() * 3000, () => this.#slow.delete(node.id));
  }

  #cutOffCoordinator(): void {
    const node = this.#pick(this.nodes);
    if (node === undefined) return;
    this.#tell(`no coordinator for ${node.id}`);
    this.coordinators.setCutOff(node.id, true);
    this.clock.after(300 + this.#random.fraction() * 4000, () =>
      this.coordinators.setCutOff(node.id, false),
    );
  }

  /** What a planner might do, without its wisdom; a dead member is taken out of a set of two. */
  #change(): void {
    const shard = this.#pick(this.shards);
    const owner = shard === undefined ? undefined : this.#serving(shard);
    if (shard === undefined || owner === undefined) return;
    const replicas = owner.life.ownership.tenure(shard)?.replicas ?? [];
    const others = replicas.filter((node) => node !== owner.id);
    const outside = this.nodes.filter(({ id }) => !replicas.includes(id)).map(({ id }) => id);
    const { sets } = owner.life;
    const draw = this.#random.fraction();
    const add = this.#pick(outside);
    const other = this.#pick(others);
    if (draw < 0.4 && add !== undefined && replicas.length < 3) {
      this.#tell(`${owner.id} adds ${add} to shard ${shard}`);
      void sets.addReplica(shard, add);
    } else if (draw < 0.7 && other !== undefined) {
      this.#tell(`${owner.id} transfers shard ${shard} to ${other}`);
      void sets.transfer(shard, other);
    } else if (other !== undefined && replicas.length > 1) {
      this.#tell(`${owner.id} removes ${other} from shard ${shard}`);
      void sets.removeReplica(shard, other);
    }
  }

  /** Everything is up and linked; then all must become whole and equal. */
  async #heal(): Promise<void> {
    this.#tell('heal');
    this.mesh.heal();
    this.#slow.clear();
    for (const node of this.nodes) {
      this.coordinators.setCutOff(node.id, false);
      this.#go(node);
    }
    await this.clock.advance(5000);
    for (const node of this.nodes) this.#restart(node);
    const limitMs = this.clock.mono() + HEAL_LIMIT_MS;
    await this.#fill(() => this.nodes);
    await this.clock.advance(2000);
    this.#isWriting = false;
    while (this.clock.mono() < limitMs && !this.#isAtRest()) await this.clock.advance(500);
    await this.clock.advance(1000);
    this.#judge();
  }

  #isAtRest(): boolean {
    return this.shards.every((shard) => this.#unrest(shard) === undefined);
  }

  /** Why a shard is not served by exactly one node whose replicas have everything. */
  #unrest(shard: ShardId): string | undefined {
    const { owner, replicas = [] } = this.coordinators.present.map.shards[shard] ?? {};
    const serving = this.nodes.filter(
      ({ isUp, life }) => isUp && life.ownership.tenure(shard) !== undefined,
    );
    const [only] = serving;
    if (only === undefined || serving.length > 1 || only.id !== owner)
      return `shard ${shard} of ${owner} is served by ${serving.map(({ id }) => id).join(' ')}`;
    if (replicas.length !== 3) return `shard ${shard} has replicas ${replicas.join(' ')}`;
    const { life } = only;
    const head = life.store.head(shard).seq;
    const status = life.sets.replication(shard);
    if (status.acknowledged !== head)
      return `shard ${shard} is acknowledged to ${status.acknowledged} of ${head}`;
    const behind = status.replicas.find(
      ({ state, flushed }) => state !== 'streaming' || flushed !== head,
    );
    return (
      behind && `shard ${shard}: ${behind.node} is ${behind.state} at ${behind.flushed} of ${head}`
    );
  }

  #judge(): void {
    for (const shard of this.shards) {
      const unrest = this.#unrest(shard);
      if (unrest === undefined && !this.areEqual(shard))
        this.#violations.push(`replicas of shard ${shard} differ`);
      if (unrest === undefined) continue;
      this.#violations.push(`not healed: ${unrest}`);
    }
    const lost = this.#acknowledged.filter((stored) => !this.#isServed(stored));
    for (const { shard, writer, counter, seq, epoch } of lost.slice(0, 5))
      this.#violations.push(
        `lost: ${writer}/${counter} of shard ${shard}, commit ${seq}, epoch ${epoch}`,
      );
  }

  /** The very commit that was acknowledged: what was lost and appended again is lost. */
  #isServed({ shard, writer, counter, id }: Acknowledgement): boolean {
    const { owner } = this.coordinators.present.map.shards[shard] ?? {};
    const node = this.nodes.find((other) => other.id === owner);
    const value =
      node?.isUp === true ? node.life.store.get(shard, valueKey(writer, counter)) : undefined;
    return value !== undefined && Buffer.from(value).toString('hex') === id;
  }

  /** Whether all replicas of a shard have the same content. */
  areEqual(shard: ShardId): boolean {
    const { replicas = [] } = this.coordinators.present.map.shards[shard] ?? {};
    const contents = replicas.map((id) => {
      const { store } = (this.nodes.find((node) => node.id === id) as ReplicaNode).life;
      const pages: string[] = [];
      let from: Uint8Array | undefined;
      do {
        const page = store.snapshotPage(shard, from, 500);
        for (const { key, value } of page.writes)
          pages.push(
            `${Buffer.from(key).toString('hex')}=${Buffer.from(value ?? []).toString('hex')}`,
          );
        from = page.next;
      } while (from !== undefined);
      return pages.join('\n');
    });
    return new Set(contents).size === 1;
  }
}

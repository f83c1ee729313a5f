/**
 * What goes wrong in a storm. Every fault mends itself after a while, so that recovery is possible; `heal` mends all at
 * once. Which faults come, when and to whom is drawn from the seed.
 */
import type { MemoryCoordinatorService } from '../../src/cluster/memory-coordinator.ts';
import type { MemoryLinks } from '../../src/net/memory-links.ts';
import type { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { Clock } from '../../src/ops/clock.ts';
import type { Random } from '../../src/ops/random.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import type { EventLog } from './event-log.ts';
import type { SimNode } from './sim-node.ts';
import type { SimUser } from './sim-user.ts';

/** How often each kind of fault happens in one storm. */
export interface FaultCounts {
  /** `kill -9` of a node, and a start later. */
  readonly nodeCrashes: number;
  /** `kill -9` of every node in one instant. */
  readonly blackouts: number;
  /** SIGSTOP and SIGCONT of a node. */
  readonly pauses: number;
  /** Cuts between nodes: one way, both ways, a whole node; with or without the coordinator. */
  readonly cuts: number;
  /** Cuts between a client and a gate. */
  readonly clientCuts: number;
  /** A node that does not reach the coordinator, but everybody else. */
  readonly lostCoordinators: number;
  /** A disk that takes up to two seconds for a flush. */
  readonly slowDisks: number;
  /** A node told to leave; it comes back. */
  readonly drains: number;
  /** A node's store put back to an older copy. */
  readonly nodeRestores: number;
  readonly clientCrashes: number;
  /** A device whose disk is put back to an older state. */
  readonly restores: number;
}

/** Nothing goes wrong; to be added to. */
export const NO_FAULTS: FaultCounts = {
  nodeCrashes: 0,
  blackouts: 0,
  pauses: 0,
  cuts: 0,
  clientCuts: 0,
  lostCoordinators: 0,
  slowDisks: 0,
  drains: 0,
  nodeRestores: 0,
  clientCrashes: 0,
  restores: 0,
};

/** What a storm has unless a test says otherwise. */
export const USUAL_FAULTS: FaultCounts = {
  nodeCrashes: 2,
  blackouts: 0,
  pauses: 1,
  cuts: 2,
  clientCuts: 2,
  lostCoordinators: 1,
  slowDisks: 1,
  drains: 1,
  nodeRestores: 1,
  clientCrashes: 3,
  restores: 1,
};

export interface FaultPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EventLog;
  readonly nodes: readonly SimNode[];
  readonly users: readonly SimUser[];
  readonly mesh: MemoryMesh;
  readonly links: MemoryLinks;
  readonly coordinators: MemoryCoordinatorService | undefined;
  /** A restored device store that does not show that it was restored: a planted bug. */
  readonly keepTokens: boolean;
}

type Kind = keyof FaultCounts;

export class Faults {
  count = 0;
  readonly #ports: FaultPorts;
  readonly #slow = new Set<NodeId>();
  readonly #paused = new Set<SimNode>();
  #isOver = false;

  constructor(ports: FaultPorts) {
    this.#ports = ports;
  }

  /** Draws when each fault happens within the next `stormMs`. */
  schedule(counts: FaultCounts, stormMs: number): void {
    const { clock, random } = this.#ports;
    for (const [kind, count] of Object.entries(counts) as Array<[Kind, number]>)
      for (let index = 0; index < count; index += 1)
        clock.after(random.fraction() * stormMs, () => {
          if (!this.#isOver) this.#happen(kind);
        });
  }

  /** What a flush of this node's disk takes now, in milliseconds. */
  flushDelayMs(node: NodeId, random: Random): number {
    return 1 + Math.floor(random.fraction() * (this.#slow.has(node) ? 2000 : 20));
  }

  tell(what: string): void {
    this.count += 1;
    this.#ports.log.fault(what);
  }

  /** Mends whatever is not mended yet; what is down starts. */
  heal(): void {
    const { mesh, links, coordinators, nodes } = this.#ports;
    this.#isOver = true;
    mesh.heal();
    links.heal();
    this.#slow.clear();
    for (const node of this.#paused) this.#resume(node);
    for (const { name } of nodes) coordinators?.setCutOff(name, false);
  }

  #happen(kind: Kind): void {
    const happenings: Record<Kind, () => void> = {
      nodeCrashes: () => this.#crashNode(),
      blackouts: () => this.#blackOut(),
      pauses: () => this.#pause(),
      cuts: () => this.#cut(),
      clientCuts: () => this.#cutClient(),
      lostCoordinators: () => this.#loseCoordinator(),
      slowDisks: () => this.#slowDown(),
      drains: () => this.#drain(),
      nodeRestores: () => this.#putNodeBack(),
      clientCrashes: () => this.#crashClient(),
      restores: () => this.#restoreClient(),
    };
    happenings[kind]();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#ports.random.fraction() * items.length)];
  }

  #pickNode(): SimNode | undefined {
    return this.#pick(this.#ports.nodes.filter((node) => node.isUp && !this.#paused.has(node)));
  }

  /** Between `from` and `to` milliseconds later. */
  #later(from: number, to: number, task: () => void): void {
    const { clock, random } = this.#ports;
    clock.after(from + random.fraction() * (to - from), task);
  }

  #crashNode(): void {
    const node = this.#pickNode();
    if (node === undefined) return;
    this.tell(`crash ${node.name}`);
    node.crash(Math.floor(this.#ports.random.fraction() * 3));
    this.#later(500, 4500, () => this.#start(node));
  }

  #blackOut(): void {
    this.tell('crash everything');
    for (const node of this.#ports.nodes.filter(({ isRunning }) => isRunning)) {
      this.#paused.delete(node);
      node.crash(Math.floor(this.#ports.random.fraction() * 3));
      this.#later(500, 2500, () => this.#start(node));
    }
  }

  #start(node: SimNode): void {
    if (node.isRunning) return;
    this.tell(`start ${node.name}`);
    void node.start();
  }

  #pause(): void {
    const node = this.#pickNode();
    if (node === undefined) return;
    this.tell(`pause ${node.name}`);
    this.#paused.add(node);
    node.pause();
    this.#later(200, 6000, () => this.#resume(node));
  }

  #resume(node: SimNode): void {
    if (!this.#paused.delete(node) || !node.isRunning) return;
    this.tell(`resume ${node.name}`);
    node.resume();
  }

  #cut(): void {
    const { nodes, mesh, random, coordinators } = this.#ports;
    const one = this.#pick(nodes);
    const other = this.#pick(nodes.filter((node) => node !== one));
    if (one === undefined || other === undefined) return;
    const draw = random.fraction();
    if (draw < 0.3) mesh.oneWay(one.name, other.name);
    else if (draw < 0.5) mesh.partition(one.name, other.name);
    else for (const node of nodes) if (node !== one) mesh.partition(one.name, node.name);
    const isAlone = draw >= 0.75;
    if (isAlone) coordinators?.setCutOff(one.name, true);
    const how = draw < 0.3 ? 'one way' : draw < 0.5 ? 'from one' : isAlone ? 'alone' : 'from all';
    this.tell(`cut ${one.name} ${how} (${other.name})`);
    this.#later(10, 6000, () => {
      this.tell(`mend the cuts of ${one.name}`);
      mesh.heal();
      coordinators?.setCutOff(one.name, false);
    });
  }

  #cutClient(): void {
    const { users, nodes, links } = this.#ports;
    const [user, node] = [this.#pick(users), this.#pick(nodes)];
    if (user === undefined || node === undefined) return;
    this.tell(`cut ${user.name} from ${node.name}`);
    links.partition(user.name, node.name);
    this.#later(100, 5000, () => links.heal());
  }

  #loseCoordinator(): void {
    const { nodes, coordinators } = this.#ports;
    const node = this.#pick(nodes);
    if (node === undefined || coordinators === undefined) return;
    this.tell(`cut ${node.name} from the coordinator`);
    coordinators.setCutOff(node.name, true);
    this.#later(500, 6000, () => coordinators.setCutOff(node.name, false));
  }

  #slowDown(): void {
    const node = this.#pick(this.#ports.nodes);
    if (node === undefined) return;
    this.tell(`slow disk at ${node.name}`);
    this.#slow.add(node.name);
    this.#later(500, 5000, () => this.#slow.delete(node.name));
  }

  #drain(): void {
    const node = this.#pickNode();
    if (node === undefined) return;
    this.tell(`drain ${node.name}`);
    void node.node.drain().catch(() => undefined);
    this.#later(4000, 7000, () => this.#endDrain(node));
  }

  /** It ends, as every process does that has drained, also one that stood still meanwhile; then it is started again. */
  #endDrain(node: SimNode): void {
    if (this.#paused.has(node)) return this.#later(500, 1000, () => this.#endDrain(node));
    if (node.isUp) node.crash();
    this.#later(200, 1000, () => this.#start(node));
  }

  /** Only where two other copies of everything are: with fewer, a store put back is a loss that nothing can mend. */
  #putNodeBack(): void {
    const { coordinators } = this.#ports;
    const node = this.#pickNode();
    if (node === undefined || coordinators === undefined) return;
    const backup = node.backUp();
    // A copy of the present life is not noticed for up to a minute, as docs/OPERATING.md tells: a new life begins here.
    node.crash();
    this.#later(200, 1000, () => this.#start(node));
    this.#later(3000, 8000, () => {
      const { shards } = coordinators.present.map;
      const isCopied = shards.every(({ replicas }) => replicas.length === 3);
      if (this.#isOver || !isCopied || !node.isUp || this.#paused.has(node)) return;
      this.tell(`put back ${node.name}`);
      node.putBack(backup);
      this.#later(200, 1000, () => this.#start(node));
    });
  }

  #crashClient(): void {
    const user = this.#pick(this.#ports.users.filter((candidate) => candidate.isUp));
    if (user === undefined) return;
    this.tell(`crash ${user.name}`);
    user.crash();
    this.#later(200, 3200, () => {
      this.tell(`start ${user.name}`);
      if (!user.isUp) void user.restart();
    });
  }

  /** A copy of a device's disk is taken, and later put back: its counters are those of the past. */
  #restoreClient(): void {
    const user = this.#pick(this.#ports.users.filter((candidate) => candidate.isUp));
    if (user === undefined) return;
    const backup = user.backUp();
    this.tell(`back up ${user.name}`);
    this.#later(4000, 8000, () => {
      if (this.#isOver || !user.isUp) return;
      this.tell(`restore ${user.name}`);
      void user.restore(backup, { keepTokens: this.#ports.keepTokens });
    });
  }
}

/**
 * What goes wrong in a storm. Every fault mends itself after a while, so that recovery is possible; `heal` mends all at
 * once. Which faults come, when and to whom is drawn from the seed.
 */
import type { ChatNode } from '../../src/node/node.ts';
import type { Timer } from '../../src/ops/clock.ts';
import type { Random } from '../../src/ops/random.ts';
import type { MemoryDisk } from '../../src/persist/memory-disk.ts';
import type { NodeId } from '../../src/protocol/ids.ts';
import type { FaultCounts } from './fault-counts.ts';
import type { FaultPorts } from './fault-ports.ts';
import type { SimNode } from './sim-node.ts';

type Kind = keyof FaultCounts;

/** After a storm: to end a process and to start another one take this at most, each. */
const MEND_MS_MAX = 1500;
/** From `heal` on, whatever starts by itself has been started in this time. */
export const HEALED_WITHIN_MS = 2 * MEND_MS_MAX;

export class Faults {
  /** How many there were of each kind. */
  readonly counts: Record<string, number> = {};
  readonly #ports: FaultPorts;
  readonly #slow = new Set<NodeId>();
  readonly #paused = new Set<SimNode>();
  /** What mends the faults that are not mended yet, and the timer of each. */
  readonly #mends = new Map<() => void, Timer>();
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
    this.#ports.log.fault(what);
  }

  /** A fault of this kind has happened. */
  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** Mends whatever is not mended yet; what is down starts within HEALED_WITHIN_MS. */
  heal(): void {
    const { mesh, links, coordinators, nodes } = this.#ports;
    this.#isOver = true;
    mesh.heal();
    links.heal();
    this.#slow.clear();
    for (const node of this.#paused) this.#resume(node);
    const pending = [...this.#mends];
    this.#mends.clear();
    for (const [mend, timer] of pending) {
      timer.cancel();
      this.#later(0, 0, mend);
    }
    for (const { name } of nodes) coordinators?.setCutOff(name, false);
  }

  #happen(kind: Kind): void {
    const happenings: Record<Kind, () => void> = {
      nodeCrashes: () => this.#crashNode(),
      blackouts: () => this.#blackOut(),
      pauses: () => this.#pause(),
      cuts: () => this.#cut(),
      isolations: () => this.#isolate(),
      clientCuts: () => this.#cutClient(),
      lostCoordinators: () => this.#loseCoordinator(),
      slowDisks: () => this.#slowDown(),
      drains: () => this.#drain(),
      nodeRestores: () => this.#restoreNode(),
      clientCrashes: () => this.#crashClient(),
      restores: () => this.#restoreClient(),
    };
    this.count(kind);
    happenings[kind]();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#ports.random.fraction() * items.length)];
  }

  #pickNode(): SimNode | undefined {
    return this.#pick(this.#ports.nodes.filter((node) => node.isUp && !this.#paused.has(node)));
  }

  /** Between `from` and `to` milliseconds later; soon when the storm is over. */
  #later(from: number, to: number, mend: () => void): void {
    const { clock, random } = this.#ports;
    const [least, most] = this.#isOver ? [0, MEND_MS_MAX] : [from, to];
    const timer = clock.after(least + random.fraction() * (most - least), () => {
      this.#mends.delete(mend);
      mend();
    });
    this.#mends.set(mend, timer);
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
    this.#later(10, 6000, () => this.#rejoin(one));
  }

  #isolate(): void {
    const { mesh, coordinators } = this.#ports;
    const node = this.#pickNode();
    if (node === undefined) return;
    this.tell(`isolate ${node.name}`);
    for (const other of this.#ports.nodes)
      if (other !== node) mesh.partition(node.name, other.name);
    coordinators?.setCutOff(node.name, true);
    this.#later(4000, 9000, () => this.#rejoin(node));
  }

  #rejoin({ name }: SimNode): void {
    this.tell(`mend the cuts of ${name}`);
    this.#ports.mesh.heal();
    this.#ports.coordinators?.setCutOff(name, false);
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
    const drained = node.node;
    void drained.drain().catch(() => undefined);
    this.#later(4000, 7000, () => this.#endDrain(node, drained));
  }

  /** A node that was told to leave ends, when it runs again at the latest: one that stays takes no shards for ever. */
  #endDrain(node: SimNode, drained: ChatNode): void {
    if (this.#paused.has(node)) return this.#later(500, 1000, () => this.#endDrain(node, drained));
    if (node.isUp && node.node === drained) node.crash();
    this.#later(200, 1000, () => this.#start(node));
  }

  #restoreNode(): void {
    const node = this.#pickNode();
    if (node === undefined || this.#ports.coordinators === undefined) return;
    const backup = node.backUp();
    const isNoticed = this.#ports.random.fraction() < 0.5;
    this.#later(3000, 8000, () => this.#putBack(node, backup, isNoticed));
    if (!isNoticed) return;
    // A new life begins, with another token: the copy of the last one is noticed.
    this.tell(`crash ${node.name}`);
    node.crash();
    this.#later(200, 1000, () => this.#start(node));
  }

  /**
   * A copy of the present life is not noticed for up to a minute, as docs/OPERATING.md tells: it is put back only where two
   * other copies of everything are on disks, for a third one that lags would make that a loss that nothing can mend.
   */
  #putBack(node: SimNode, backup: MemoryDisk, isNoticed: boolean): void {
    if (this.#isOver || !node.isUp) return;
    const isSafe = isNoticed ? this.#isCopied() : this.#ports.isCoveredWithout(node.name);
    if (this.#paused.has(node) || !isSafe)
      return this.#later(200, 400, () => this.#putBack(node, backup, isNoticed));
    this.tell(`put back ${node.name}`);
    node.putBack(backup);
    this.#later(200, 1000, () => this.#start(node));
  }

  #isCopied(): boolean {
    const { shards } = this.#ports.coordinators?.present.map ?? { shards: [] };
    return shards.every(({ replicas }) => replicas.length === 3);
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

/**
 * A whole cluster and its users in one process, in virtual time, from one seed. A run has a safety phase with faults and a
 * liveness phase: everything is healed, and then everything that was acknowledged must be displayed.
 */
import { MemoryLinks } from '../../src/net/memory-links.ts';
import { MemoryMesh } from '../../src/net/memory-transport.ts';
import { createTransparentVerifyingSuite } from '../../src/crypto/transparent-suite.ts';
import { seededRandom } from '../../src/ops/random.ts';
import type { Random } from '../../src/ops/random.ts';
import { VirtualClock } from '../../src/ops/virtual-clock.ts';
import { parseUserId } from '../../src/protocol/ids.ts';
import { EventLog } from './event-log.ts';
import { FINGERPRINT, SimNode } from './sim-node.ts';
import type { PlantedBugs } from './sim-node.ts';
import { SimUser } from './sim-user.ts';

/** Mistakes at the clients that the simulator must notice, beside those of the nodes. */
export interface SimBugs extends PlantedBugs {
  /** A client's store says "flushed" before it is. */
  readonly deliverTwice?: boolean;
  /** A restored device store keeps its counters and is not noticed. */
  readonly reuseCounters?: boolean;
}

export interface SimOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly users?: number;
  readonly messagesPerUser?: number;
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  /** Crashes of a node, each followed by a restart. */
  readonly nodeCrashes?: number;
  readonly clientCrashes?: number;
  /** A node that joins while messages flow, so that shards move. */
  readonly joiner?: boolean;
  /** A device whose disk is put back to an older state. */
  readonly restores?: number;
  readonly bugs?: SimBugs;
}

export interface SimResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly log: EventLog;
  readonly faults: number;
  readonly virtualMs: number;
}

/** Virtual time in which messages are sent and faults happen. */
const STORM_MS = 20_000;
/** Virtual time in which everything must come to rest after healing. */
const CALM_LIMIT_MS = 180_000;
const STEP_MS = 250;
const SHARDS = 16;

export class World {
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly nodes: SimNode[] = [];
  readonly users: SimUser[] = [];
  readonly #options: Required<Omit<SimOptions, 'bugs'>> & { readonly bugs: SimBugs };
  readonly #random: Random;
  readonly #mesh: MemoryMesh;
  readonly #links: MemoryLinks;
  #faults = 0;

  constructor(options: SimOptions) {
    this.#options = {
      nodes: 3,
      users: 100,
      messagesPerUser: 6,
      lossRatio: 0.02,
      duplicateRatio: 0.02,
      nodeCrashes: 2,
      clientCrashes: 4,
      joiner: true,
      restores: 1,
      bugs: {},
      ...options,
    };
    const { seed, lossRatio, duplicateRatio } = this.#options;
    this.clock = new VirtualClock({ seed });
    this.#random = seededRandom(seed);
    this.log = new EventLog(() => Math.round(this.clock.mono()));
    const network = { clock: this.clock, random: this.#random };
    this.#mesh = new MemoryMesh({ ...network, delayMs: [1, 8], lossRatio, duplicateRatio });
    this.#links = new MemoryLinks({ ...network, delayMs: [1, 20] });
  }

  async run(): Promise<SimResult> {
    await this.#build();
    await this.#storm();
    await this.#calm();
    const violations = [...this.log.safetyViolations(), ...this.log.livenessViolations()];
    const stuck = this.log.unsettled().map((id) => `${id} never ended: neither stored nor refused`);
    return {
      seed: this.#options.seed,
      violations: [...violations, ...(violations.length === 0 ? stuck : [])],
      log: this.log,
      faults: this.#faults,
      virtualMs: this.clock.mono(),
    };
  }

  async #build(): Promise<void> {
    const { nodes, users, joiner, bugs } = this.#options;
    const suite = createTransparentVerifyingSuite(this.#random);
    const ports = {
      clock: this.clock,
      random: this.#random,
      mesh: this.#mesh,
      links: this.#links,
      signingKeys: suite.signKeyPair(),
      passwordSetup: 'simulated set-up',
      shards: SHARDS,
      replicas: 3,
      bugs: { ...bugs, hideCounters: bugs.reuseCounters === true },
    };
    for (let index = 1; index <= nodes; index += 1)
      this.nodes.push(new SimNode(`n${index}`, ports));
    const starting = joiner ? nodes - 1 : nodes;
    for (const node of this.nodes.slice(0, starting)) await this.#during(this.#join(node));
    const servers = { gates: this.nodes.map(({ gate }) => gate), fingerprint: FINGERPRINT };
    for (let index = 0; index < users; index += 1) {
      const name = parseUserId(`@u${index}`);
      const forgetsWhatItShowed = bugs.deliverTwice === true;
      const { clock, log } = this;
      const user = new SimUser(name, {
        clock,
        random: this.#random,
        links: this.#links,
        servers,
        log,
        forgetsWhatItShowed,
      });
      this.users.push(user);
    }
    await this.#during(Promise.all(this.users.map((user) => user.register())));
  }

  /** A new member is let in by the first node, as admission does, and starts on the view it is given. */
  async #join(node: SimNode): Promise<void> {
    const [first] = this.nodes;
    if (first === undefined || first === node) return node.start();
    const { gate, name } = node;
    const { endpoint, curveKey } = this.#mesh.address(name);
    const member = {
      node: name,
      meshEndpoint: endpoint,
      curveKey,
      gateHost: gate.host,
      gatePort: gate.port,
    };
    return first.node.coordinator.join(member).then((view) => node.start(view));
  }

  /** Lets virtual time pass until `work` is done. */
  async #during<T>(work: Promise<T>): Promise<T> {
    const progress = { isDone: false };
    const marked = work.finally(() => {
      progress.isDone = true;
    });
    marked.catch(() => undefined);
    const deadlineMs = this.clock.mono() + CALM_LIMIT_MS;
    while (!progress.isDone) {
      if (this.clock.mono() > deadlineMs) throw new Error('the simulated world hangs');
      await this.clock.advance(STEP_MS);
    }
    return marked;
  }

  async #storm(): Promise<void> {
    const { users, messagesPerUser, nodeCrashes, clientCrashes, joiner, restores } = this.#options;
    for (let count = 0; count < users * messagesPerUser; count += 1)
      this.#at(this.#random.fraction() * STORM_MS, () => this.#sendOne());
    for (let count = 0; count < nodeCrashes; count += 1)
      this.#at(this.#random.fraction() * STORM_MS, () => this.#crashNode());
    for (let count = 0; count < clientCrashes; count += 1)
      this.#at(this.#random.fraction() * STORM_MS, () => this.#crashClient());
    for (let count = 0; count < restores; count += 1)
      this.#at(this.#random.fraction() * STORM_MS * 0.3, () => this.#takeBackup());
    if (joiner) this.#at(STORM_MS * 0.3 * this.#random.fraction(), () => this.#letIn());
    await this.clock.advance(STORM_MS);
  }

  #at(delayMs: number, task: () => void): void {
    this.clock.after(delayMs, task);
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random.fraction() * items.length)];
  }

  #sendOne(): void {
    const from = this.#pick(this.users.filter((user) => user.isUp));
    const to = this.#pick(this.users);
    if (from !== undefined && to !== undefined && from !== to) from.say(to.name);
  }

  #fault(what: string): void {
    this.#faults += 1;
    this.log.fault(what);
  }

  #letIn(): void {
    const last = this.nodes.at(-1);
    const [first] = this.nodes;
    if (last === undefined || last.isUp || first === undefined) return;
    // A knock at a coordinator that is down is repeated, as an operator would.
    if (!first.isUp) return this.#at(1000, () => this.#letIn());
    this.#fault(`join ${last.name}`);
    void this.#join(last);
  }

  #crashNode(): void {
    const node = this.#pick(this.nodes.filter((candidate) => candidate.isUp));
    if (node === undefined) return;
    this.#fault(`crash ${node.name}`);
    node.crash();
    this.#at(500 + this.#random.fraction() * 4000, () => {
      this.#fault(`restart ${node.name}`);
      void node.start();
    });
  }

  #crashClient(): void {
    const user = this.#pick(this.users.filter((candidate) => candidate.isUp));
    if (user === undefined) return;
    this.#fault(`crash ${user.name}`);
    user.crash();
    this.#at(200 + this.#random.fraction() * 3000, () => {
      this.#fault(`restart ${user.name}`);
      void user.restart();
    });
  }

  /** A copy of a device's disk is taken, and later put back: its counters are those of the past. */
  #takeBackup(): void {
    const user = this.#pick(this.users.filter((candidate) => candidate.isUp));
    if (user === undefined) return;
    const backup = user.backUp();
    this.#fault(`back up ${user.name}`);
    this.#at(STORM_MS * 0.4, () => {
      if (!user.isUp) return;
      this.#fault(`restore ${user.name}`);
      void user.restore(backup, { keepTokens: this.#options.bugs.reuseCounters === true });
    });
  }

  /** Everything is healed; then every message must come to its end. */
  async #calm(): Promise<void> {
    this.#mesh.heal();
    const limitMs = this.clock.mono() + CALM_LIMIT_MS;
    await this.clock.advance(10_000);
    for (const user of this.users) if (!user.isUp) await this.#during(user.restart());
    while (this.clock.mono() < limitMs && !this.#isCalm()) await this.clock.advance(1000);
    // Receipts, cursors and whatever else might still do harm.
    await this.clock.advance(5000);
  }

  #isCalm(): boolean {
    return this.log.unsettled().length === 0 && this.log.livenessViolations().length === 0;
  }
}

export function simulate(options: SimOptions): Promise<SimResult> {
  return new World(options).run();
}

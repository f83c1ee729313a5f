/** Whole nodes over the twins of their ports, and the client library on homes that crash and come back. */
import { createTransparentOpeningSuite } from '../../../src/crypto/opening/transparent-opening-suite.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { MemoryLinks } from '../../../src/net/memory-links.ts';
import { MemoryMesh } from '../../../src/net/memory-transport.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import type { Random } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { SimNode } from '../../simulation/sim-node.ts';
import type { Home } from '../../unit/client/home.ts';
import { Homes } from '../../unit/client/home.ts';

interface ClusterOptions {
  /** How long a frame between nodes takes, at least and at most. */
  readonly meshDelayMs?: readonly [number, number];
  /** How long nodes keep entries. */
  readonly retentionMs?: number;
}

const STEP_MS = 10;
const LIMIT_MS = 60_000;

export class ClusterWorld extends Homes {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly suite: OpeningSuite;
  readonly links: MemoryLinks;
  readonly nodes: SimNode[] = [];
  readonly #mesh: MemoryMesh;

  protected constructor(seed = 11, meshDelayMs: ClusterOptions['meshDelayMs'] = [1, 3]) {
    super();
    this.clock = new VirtualClock({ seed });
    this.random = seededRandom(seed);
    this.suite = createTransparentOpeningSuite(this.random);
    const network = { clock: this.clock, random: this.random, delayMs: [1, 3] as const };
    this.links = new MemoryLinks(network);
    this.#mesh = new MemoryMesh({ ...network, delayMs: meshDelayMs });
  }

  static async start(nodes = 3, options: ClusterOptions = {}): Promise<ClusterWorld> {
    const world = new ClusterWorld(undefined, options.meshDelayMs);
    await world.addNodes(nodes, options);
    return world;
  }

  get gates(): Homes['gates'] {
    return this.nodes.map(({ gate }) => gate);
  }

  /** Lets the clock run until `holds`. */
  async eventually(holds: () => boolean, what: string): Promise<void> {
    const deadlineMs = this.clock.mono() + LIMIT_MS;
    while (!holds()) {
      if (this.clock.mono() > deadlineMs) throw new Error(`never: ${what}`);
      await this.clock.advance(STEP_MS);
    }
  }

  /** Lets the clock run until this home has shown so many messages. */
  async shown(home: Home, count: number): Promise<readonly string[]> {
    await this.eventually(() => home.shown().length >= count, `${home.name} shows ${count}`);
    return home.shown();
  }

  protected async addNodes(count: number, options: ClusterOptions = {}): Promise<void> {
    const ports = {
      clock: this.clock,
      random: this.random,
      mesh: this.#mesh,
      links: this.links,
      signingKeys: this.suite.signKeyPair(),
      passwordSetup: 'simulated set-up',
      shards: 16,
      replicas: Math.min(3, count),
      flushDelayMs: (_: string, random: Random) => 1 + Math.floor(random.fraction() * 5),
      skewMs: () => 0,
      log: silentLog,
      bugs: {},
      ...options,
    };
    for (let index = 1; index <= count; index += 1) {
      const node = new SimNode(`n${index}`, ports);
      this.nodes.push(node);
      await this.until(this.#join(node));
    }
  }

  async #join(node: SimNode): Promise<void> {
    const [first] = this.nodes;
    if (first === undefined || first === node) return node.start();
    const { gate, name } = node;
    const { endpoint, curveKey } = this.#mesh.address(name);
    const place = { gateHost: gate.host, gatePort: gate.port };
    const member = { node: name, meshEndpoint: endpoint, curveKey, ...place };
    return node.start(await first.node.coordinator.join(member));
  }
}

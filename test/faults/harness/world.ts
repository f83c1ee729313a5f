/** What a case has in its hands: a cluster, the network between its processes, people who write, and chance from a seed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Address } from '../../../src/protocol/ids.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import type { Random } from '../../../src/ops/random.ts';
import { loadGroups, loadUser } from '../load/groups.ts';
import { JournalWriter } from '../verdict/journal.ts';
import { ClusterUnderTest, hostNames } from './cluster-under-test.ts';
import { Load } from './load.ts';
import { Network } from './network.ts';
import type { NodeUnderTest } from './node-under-test.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly etcd: number;
  readonly replicas: number;
  readonly users: number;
  readonly peers: number;
  /** Members of each group that people write to as well; 0: there are none. */
  readonly groupSize: number;
  /** Messages a second. */
  readonly rate: number;
  /** Whether links can be cut. */
  readonly isCuttable: boolean;
  /** Started later than the others, by the case. */
  readonly spareNodes: number;
  /** Environment of one node in all its lives; `folder` is the world's. */
  readonly envOf?: (node: string, folder: string) => Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** Before the first node starts: mounts and the like. Undone by what it answers. */
  readonly prepare?: (folder: string) => () => void;
}

export class World {
  readonly options: WorldOptions;
  readonly folder: string;
  readonly cluster: ClusterUnderTest;
  readonly load: Load;
  readonly random: Random;
  readonly #network: Network | undefined;
  readonly #journal: JournalWriter;
  readonly #undo: () => void;

  private constructor(
    options: WorldOptions,
    parts: Pick<World, 'folder' | 'cluster'> & {
      readonly network: Network | undefined;
      readonly undo: () => void;
    },
  ) {
    this.options = options;
    this.folder = parts.folder;
    this.cluster = parts.cluster;
    this.load = new Load();
    this.random = seededRandom(options.seed);
    this.#network = parts.network;
    this.#journal = new JournalWriter(this.journals[1]);
    this.#undo = parts.undo;
  }

  /** A running cluster with connected users, nobody writing yet. */
  static async open(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'fastchat-faults-'));
    const { nodes, spareNodes, etcd, isCuttable } = options;
    const undo = options.prepare?.(folder) ?? nothing;
    const network = isCuttable ? Network.make(hostNames(nodes + spareNodes, etcd)) : undefined;
    const cluster = await ClusterUnderTest.prepare({
      folder,
      nodes: nodes + spareNodes,
      etcd,
      replicas: options.replicas,
      network,
      envOf: (node) => options.envOf?.(node, folder) ?? {},
      nodeArgs: options.nodeArgs ?? [],
    });
    const world = new World(options, { folder, cluster, network, undo });
    try {
      await cluster.start(nodes);
      await world.#gather();
      return world;
    } catch (cause) {
      await world.close(true);
      throw cause;
    }
  }

  /** Of the clients and of the faults. */
  get journals(): readonly [string, string] {
    return [join(this.folder, 'clients.jsonl'), join(this.folder, 'faults.jsonl')];
  }

  get network(): Network {
    if (this.#network === undefined) throw new Error('this case has to ask for links to cut');
    return this.#network;
  }

  /** Nodes that belong to the cluster from the start. */
  get members(): readonly NodeUnderTest[] {
    return this.cluster.nodes.slice(0, this.options.nodes);
  }

  /** Chance. */
  pick<T>(items: readonly T[]): T {
    const found = items[Math.floor(this.random.fraction() * items.length)];
    if (found === undefined) throw new Error('there is nothing to pick from');
    return found;
  }

  between(lowMs: number, highMs: number): number {
    return Math.round(lowMs + this.random.fraction() * (highMs - lowMs));
  }

  /** Writes down what is about to happen, and to whom: call it right before the fault. */
  async fault(what: string, nodes: readonly NodeUnderTest[]): Promise<void> {
    const users = await this.cluster.ownedBy(nodes, this.#recipients());
    const names = nodes.map(({ name }) => name);
    this.#journal.write({ is: 'fault', what, nodes: names, users });
    this.#journal.flush();
  }

  recovered(what: string): void {
    this.#journal.write({ is: 'recovered', what });
    this.#journal.flush();
  }

  /** Mends all links, resumes and starts everything that belongs to the cluster. */
  async repair(): Promise<void> {
    this.#network?.mendAll();
    await this.cluster.repair(this.options.nodes);
  }

  /** Ends everything; with `isKept` the folder with logs and journals stays. */
  async close(isKept: boolean): Promise<void> {
    await this.load.ask('disperse').catch(nothing);
    await this.load.end();
    this.#journal.close();
    this.#network?.mendAll();
    await this.cluster.end();
    this.#network?.remove();
    this.#undo();
    if (!isKept) rmSync(this.folder, { recursive: true, force: true });
  }

  #gather(): Promise<void> {
    const { users, peers, groupSize } = this.options;
    const [journal] = this.journals;
    const plan = { url: this.cluster.url, journal, users, peers, groupSize };
    return this.load.ask('gather', plan);
  }

  /** Everybody and everything that is written to. */
  #recipients(): readonly Address[] {
    const { users, groupSize } = this.options;
    const groups = loadGroups(users, groupSize).map(({ group }) => group);
    return [...Array.from({ length: users }, (_, index) => loadUser(index)), ...groups];
  }
}

function nothing(): void {}

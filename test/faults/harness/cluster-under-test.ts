/** Nodes and their coordinator as real processes of this machine, restartable at fixed addresses. */
import { join } from 'node:path';
import { shardOf } from '../../../src/cluster/shards.ts';
import { freePort } from '../../../src/net/free-port.ts';
import { joinUrls } from '../../../src/node/dev-cluster.ts';
import type { ClusterReport } from '../../../src/ops/admin-api.ts';
import type { Address } from '../../../src/protocol/ids.ts';
import { doubleOwners } from '../verdict/owners.ts';
import { EtcdUnderTest } from './etcd-under-test.ts';
import type { EtcdPlace } from './etcd-under-test.ts';
import { eventually } from './eventually.ts';
import type { Network } from './network.ts';
import { NodeUnderTest } from './node-under-test.ts';

export interface ClusterOptions {
  readonly folder: string;
  readonly nodes: number;
  /** Members of etcd; 0: the embedded coordinator. */
  readonly etcd: number;
  readonly replicas: number;
  /** Undefined: everything on loopback. */
  readonly network: Network | undefined;
  /** Environment of one node, such as a faked clock. */
  readonly envOf?: (node: string) => Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

const LOOPBACK = '127.0.0.1';
const FIXED_PORTS = { gate: 7400, mesh: 7500, http: 7600 };
const FREE_PORTS = { gate: 0, mesh: 0, http: 0 };
const ETCD_PORTS = { clientPort: 2379, peerPort: 2380 };
/** Limits are for people; the load comes from one address and a few hundred of them. */
const RAISED_LIMITS = [
  'messages-per-second',
  'messages-burst',
  'stranger-messages',
  'logins-per-minute-per-source',
  'registrations-per-minute-per-source',
].flatMap((name) => [`--limits.${name}`, '1000000']);
const ETCD_READY_MS = 20_000;

/** Names of the hosts that a network for such a cluster needs. */
export function hostNames(nodes: number, etcd: number): readonly string[] {
  const named = (prefix: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
  return [...named('n', nodes), ...named('e', etcd)];
}

export class ClusterUnderTest {
  readonly nodes: readonly NodeUnderTest[];
  readonly etcds: readonly EtcdUnderTest[];
  readonly #options: ClusterOptions;

  private constructor(options: ClusterOptions, etcdPlaces: readonly EtcdPlace[]) {
    this.#options = options;
    this.etcds = etcdPlaces.map(
      (place) =>
        new EtcdUnderTest({
          place,
          members: etcdPlaces,
          folder: options.folder,
          through: options.network?.through(place.name) ?? [],
        }),
    );
    this.nodes = hostNames(options.nodes, 0).map((name) => this.#makeNode(name));
  }

  /** Builds the processes; `start` starts them. */
  static async prepare(options: ClusterOptions): Promise<ClusterUnderTest> {
    const names = hostNames(0, options.etcd);
    const places = await Promise.all(names.map((name) => etcdPlace(name, options.network)));
    return new ClusterUnderTest(options, places);
  }

  /** Starts the first `count` nodes, each after the other, and waits until they share the shards. */
  async start(count = this.nodes.length): Promise<void> {
    await this.startEtcd();
    for (const node of this.nodes.slice(0, count)) await this.startNode(node);
    await this.healthy(120_000);
  }

  async startEtcd(): Promise<void> {
    for (const etcd of this.etcds) if (!etcd.isRunning) etcd.launch();
    for (const etcd of this.etcds)
      await eventually(`${etcd.name} is healthy`, () => etcd.isHealthy(), ETCD_READY_MS);
  }

  async startNode(node: NodeUnderTest): Promise<void> {
    await node.start({ join: this.joinFile(node) });
  }

  /** The token of the first node, for all others. */
  joinFile(node: NodeUnderTest): string | undefined {
    const [first] = this.nodes;
    return first === undefined || first === node ? undefined : join(first.data, 'join.token');
  }

  node(name: string): NodeUnderTest {
    const found = this.nodes.find((node) => node.name === name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  get running(): readonly NodeUnderTest[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  get url(): string {
    return joinUrls(this.running.map(({ ready }) => ready.url));
  }

  /** Resumes what was paused and starts what was killed. @throws Error when one does not start */
  async repair(count = this.nodes.length): Promise<void> {
    for (const each of [...this.etcds, ...this.nodes]) if (each.isRunning) each.process.resume();
    await this.startEtcd();
    const down = this.nodes.slice(0, count).filter(({ isRunning }) => !isRunning);
    await Promise.all(down.map((node) => this.startNode(node)));
  }

  /** Every running node sees the others up, one map, and every shard with an owner and replicas that are there. */
  async healthy(limitMs: number): Promise<void> {
    const expected = this.running.map(({ name }) => name);
    const copies = Math.min(this.#options.replicas, expected.length);
    const look = async (): Promise<boolean> => {
      const reports = await Promise.all(this.running.map((node) => node.report()));
      return reports.every((report) => isWhole(report, expected, copies));
    };
    await eventually(
      `${expected.join(', ')} share all shards, ${copies} copies each`,
      look,
      limitMs,
    );
  }

  /** Which of `users` have their shard at one of `nodes`, as any node that answers knows it. */
  async ownedBy(
    nodes: readonly NodeUnderTest[],
    users: readonly Address[],
  ): Promise<readonly Address[]> {
    const names = new Set(nodes.map(({ name }) => name));
    for (const node of this.running) {
      if (node.process.isPaused) continue;
      const report = await node.report().catch(() => undefined);
      if (report === undefined) continue;
      const { shards } = report;
      return users.filter((user) => names.has(shards[shardOf(user, shards.length)]?.owner ?? ''));
    }
    return [];
  }

  /** What has ended although nobody asked for it. */
  async casualties(): Promise<readonly string[]> {
    const told = await Promise.all(this.nodes.map((node) => node.casualty()));
    return told.filter((text) => text !== undefined);
  }

  /** Epochs that two nodes, or two lives of one, have taken. */
  doubleOwners(): readonly string[] {
    const takings = this.nodes.flatMap((node) => node.takings());
    return doubleOwners(takings, { mayResume: this.#options.replicas === 1 });
  }

  async end(): Promise<void> {
    await Promise.all([...this.nodes, ...this.etcds].map((each) => each.kill()));
  }

  #makeNode(name: string): NodeUnderTest {
    const { folder, network, replicas, envOf, nodeArgs = [] } = this.#options;
    const etcd = this.etcds.map(({ clientUrl }) => new URL(clientUrl).host).join(',');
    return new NodeUnderTest({
      name,
      folder,
      host: network?.addressOf(name) ?? LOOPBACK,
      ports: network === undefined ? FREE_PORTS : FIXED_PORTS,
      through: network?.through(name) ?? [],
      env: envOf?.(name) ?? {},
      args: [
        ...RAISED_LIMITS,
        `--replicas=${replicas}`,
        ...(etcd === '' ? [] : [`--coordinator=etcd://${etcd}`]),
        ...nodeArgs,
      ],
    });
  }
}

async function etcdPlace(name: string, network: Network | undefined): Promise<EtcdPlace> {
  if (network !== undefined) return { name, host: network.addressOf(name), ...ETCD_PORTS };
  const [clientPort, peerPort] = [await freePort(LOOPBACK), await freePort(LOOPBACK)];
  return { name, host: LOOPBACK, clientPort, peerPort };
}

function isWhole(report: ClusterReport, expected: readonly string[], copies: number): boolean {
  const { members, shards } = report;
  const alive = members.filter(({ state }) => state === 'up');
  const up = alive.map(({ node }) => node);
  const there = new Set(expected);
  return (
    up.length === expected.length &&
    up.every((node) => there.has(node)) &&
    shards.length > 0 &&
    shards.every(({ owner, replicas }) => replicas.includes(owner) && there.has(owner)) &&
    shards.every(({ replicas }) => replicas.filter((node) => there.has(node)).length >= copies) &&
    isEven(alive.map(({ shardsOwned }) => shardsOwned))
  );
}

function isEven(owned: readonly number[]): boolean {
  return Math.max(...owned) - Math.min(...owned) <= 1;
}

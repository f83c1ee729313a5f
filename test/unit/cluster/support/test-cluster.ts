/** A few nodes, steady traffic to them, and a judge of what was promised. */
import { expect } from 'chai';
import type { Member } from '../../../../src/cluster/members.ts';
import { MemoryCoordinatorService } from '../../../../src/cluster/memory-coordinator.ts';
import { shardOf } from '../../../../src/cluster/shards.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import {
  parseDeviceId,
  parseIncarnation,
  parseNodeId,
  parseUserId,
} from '../../../../src/protocol/ids.ts';
import type { Address, NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import type { UserRequest } from '../../../../src/protocol/user-calls.ts';
import { FakeNetwork } from './fake-network.ts';
import { runOn } from './run-on.ts';
import { entryKey, TestNode } from './test-node.ts';
import type { Point, TestWorld } from './test-node.ts';

export function appendTo(to: Address, counter: number): Extract<UserRequest, { type: 'append' }> {
  return {
    type: 'append',
    envelope: {
      to,
      incarnation: parseIncarnation('0'.repeat(32)),
      from: parseUserId('sender'),
      device: parseDeviceId(1),
      counter,
      tag: new Uint8Array(16),
      boxEpoch: 1,
      quiet: false,
      body: Uint8Array.of(1, 2, 3),
    },
  };
}

export function memberOf(name: string, index: number): Member {
  return {
    node: parseNodeId(name),
    meshEndpoint: `tcp://127.0.0.1:${7500 + index}`,
    curveKey: new Uint8Array(32).fill(index + 1),
    gateHost: '127.0.0.1',
    gatePort: 7400 + index,
  };
}

export class TestCluster implements TestWorld {
  readonly clock: VirtualClock;
  readonly network: FakeNetwork;
  readonly coordinators: MemoryCoordinatorService;
  readonly nodes = new Map<string, TestNode>();
  readonly leaving = new Set<NodeId>();
  readonly shards: number;
  readonly replicas: number;
  /** Appends that were acknowledged. */
  readonly acked = new Map<Address, number[]>();
  /** Which nodes wrote in which epoch of which shard. */
  readonly #writers = new Map<string, Set<string>>();
  /** Asks that a living node did not answer in time. */
  readonly unanswered: string[] = [];
  readonly points: string[] = [];
  /** Kills at the point of this number. */
  killAt: { readonly node: string; readonly index: number } | undefined;
  onKilled: (node: TestNode) => void = () => undefined;
  #isTrafficOn = false;

  constructor(options: {
    readonly seed: number;
    readonly shards: number;
    readonly replicas?: number;
  }) {
    this.clock = new VirtualClock({ seed: options.seed });
    this.network = new FakeNetwork(this.clock);
    this.shards = options.shards;
    this.replicas = options.replicas ?? 1;
    this.network.filter = ({ from, service, kind }) => {
      const node = this.node(from);
      if (service === 'replica' && kind !== 'request') this.onPoint(node, `before ${kind}`);
      return node.isAlive;
    };
    this.coordinators = new MemoryCoordinatorService({ clock: this.clock, shards: options.shards });
  }

  /** Adds a member and starts it. */
  async add(name: string): Promise<TestNode> {
    const node = new TestNode(memberOf(name, this.nodes.size), this);
    this.nodes.set(name, node);
    const join = this.coordinators.seenBy(node.id).join(node.member);
    await runOn(this.clock, join);
    await runOn(this.clock, node.start());
    return node;
  }

  node(name: string): TestNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  onPoint(node: TestNode, point: Point): void {
    if (this.killAt?.node !== node.id) return;
    const index = this.points.push(point) - 1;
    if (index !== this.killAt.index) return;
    node.kill();
    this.onKilled(node);
  }

  onCommitted(node: TestNode, shard: ShardId, epoch: number): void {
    const name = `shard ${shard} in epoch ${epoch}`;
    const writers = this.#writers.get(name) ?? new Set();
    this.#writers.set(name, writers.add(node.id));
  }

  /** Nobody else wrote in an epoch in which a node wrote. */
  expectOneWriterPerEpoch(): void {
    for (const [name, writers] of this.#writers)
      expect([...writers], `writers of ${name}`).to.have.length(1);
  }

  /** Appends counters 1, 2, 3 ... to every address, each again until it is acknowledged, from any node that lives. */
  startTraffic(addresses: readonly Address[]): void {
    this.#isTrafficOn = true;
    for (const to of addresses) {
      this.acked.set(to, []);
      this.#sendNext(to, 1, 0);
    }
  }

  stopTraffic(): void {
    this.#isTrafficOn = false;
  }

  #sendNext(to: Address, counter: number, attempt: number): void {
    if (!this.#isTrafficOn) return;
    const alive = [...this.nodes.values()].filter(({ isAlive }) => isAlive);
    const sender = alive[(counter + attempt) % Math.max(1, alive.length)];
    const again = (): void => {
      this.clock.after(20, () => this.#sendNext(to, counter, attempt + 1));
    };
    if (sender === undefined) return again();
    const { boot } = sender;
    let isDone = false;
    // A sender that dies never answers; whoever waits for it looks elsewhere.
    this.clock.after(6000, () => {
      if (isDone) return;
      isDone = true;
      if (sender.isAlive && sender.boot === boot) this.unanswered.push(`${counter} to ${to}`);
      again();
    });
    sender.cluster.router.ask<'append'>(to, appendTo(to, counter), (outcome) => {
      if (isDone) return;
      isDone = true;
      if (!outcome.ok) return again();
      this.acked.get(to)?.push(counter);
      this.clock.after(10, () => this.#sendNext(to, counter + 1, 0));
    });
  }

  /** Every acknowledged append is at the one node that serves its shard, and nobody else keeps a copy. */
  expectNothingLost(): void {
    this.expectOneWriterPerEpoch();
    expect(this.unanswered, 'asks without an answer').to.deep.equal([]);
    for (const [to, counters] of this.acked) {
      const shard = shardOf(to, this.shards);
      const owner = this.servingNode(shard);
      const lost = counters.filter(
        (counter) => owner.store.get(shard, entryKey(to, counter)) === undefined,
      );
      expect(lost, `appends to ${to} that were acknowledged and lost`).to.deep.equal([]);
      expect(counters.length, `appends to ${to} that were acknowledged`).to.be.greaterThan(10);
    }
  }

  expectOneCopyEach(): void {
    for (let shard = 0 as ShardId; shard < this.shards; shard = (shard + 1) as ShardId) {
      const holders = [...this.nodes.values()].filter(({ store }) =>
        store.shards().includes(shard),
      );
      expect(
        holders.map(({ id }) => id),
        `holders of shard ${shard}`,
      ).to.deep.equal([this.servingNode(shard).id]);
    }
  }

  servingNode(shard: ShardId): TestNode {
    const serving = [...this.nodes.values()].filter(
      ({ isAlive, cluster }) => isAlive && cluster.ownership.servedEpoch(shard) !== undefined,
    );
    const [node] = serving;
    expect(
      serving.map(({ id }) => id),
      `nodes that serve shard ${shard}`,
    ).to.have.length(1);
    if (node === undefined) throw new FastChatError('E_INTERNAL', 'nobody serves');
    return node;
  }

  /** How many shards each node serves, by name. */
  served(): Record<string, number> {
    const counts = [...this.nodes.values()].map(({ id, cluster }) => [
      id,
      cluster.ownership.servedCount,
    ]);
    return Object.fromEntries(counts) as Record<string, number>;
  }

  async stop(): Promise<void> {
    this.stopTraffic();
    for (const node of this.nodes.values()) await runOn(this.clock, node.stop());
  }
}

import { expect } from 'chai';
import { FailOver } from '../../../src/cluster/fail-over.ts';
import type { ShardAssignment } from '../../../src/cluster/members.ts';
import { inOrderOf } from '../../../src/cluster/placement/rendezvous.ts';
import { ShardDirectory } from '../../../src/cluster/shard-map.ts';
import { allShards } from '../../../src/cluster/shards.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId, ShardId } from '../../../src/protocol/ids.ts';
import {
  FAILOVER_PATIENCE_MS,
  FAILOVER_RETRY_MS,
  FAILOVER_SHARDS_AT_ONCE,
  FAILOVER_STAGGER_MS,
} from '../../../src/protocol/limits.ts';
import { FakeReplicaSets, SharedMap } from './support/fake-replica-sets.ts';
import { memoryMeta } from './support/fake-router-node.ts';
import { memberOf } from './support/test-cluster.ts';

const [N1, N2, N3] = ['n1', 'n2', 'n3'].map(parseNodeId) as [NodeId, NodeId, NodeId];
const S0 = 0 as ShardId;

/** Nodes that all see one map and one set of leases. */
class Leases {
  readonly clock = new VirtualClock({ seed: 1 });
  readonly map = new SharedMap();
  readonly nodes = new Map<
    NodeId,
    { readonly sets: FakeReplicaSets; readonly failOver: FailOver }
  >();
  #live: ReadonlySet<NodeId> | undefined = new Set([N1, N2, N3]);
  readonly #listeners = new Set<() => void>();
  readonly #onHeard = new Set<() => void>();
  /** Nobody hears anybody. */
  #isCut = false;
  #mendedMs = -Infinity;

  constructor(shards: readonly ShardAssignment[]) {
    for (const self of [N1, N2, N3]) this.#add(self, shards);
  }

  setLive(...nodes: readonly NodeId[]): void {
    this.#live = new Set(nodes);
    for (const tell of this.#listeners) tell();
  }

  cut(isCut: boolean): void {
    this.#isCut = isCut;
    if (!isCut) this.#mendedMs = this.clock.mono();
    for (const tell of this.#onHeard) tell();
  }

  forgetLive(): void {
    this.#live = undefined;
    for (const tell of this.#listeners) tell();
  }

  log(node: NodeId): readonly string[] {
    return this.nodes.get(node)?.sets.log ?? [];
  }

  sets(node: NodeId): FakeReplicaSets {
    const found = this.nodes.get(node);
    if (found === undefined) throw new Error(`no node ${node}`);
    return found.sets;
  }

  #add(self: NodeId, shards: readonly ShardAssignment[]): void {
    const directory = new ShardDirectory(memoryMeta());
    const members = [N1, N2, N3].map((node, index) => memberOf(node, index));
    directory.adopt({ members, map: { version: 1, shards } });
    this.map.directories.push(directory);
    const sets = new FakeReplicaSets(self, this.map, this.clock);
    const failOver = new FailOver({
      self,
      directory,
      replicaSets: sets,
      coordinator: {
        live: () => this.#live,
        watch: (_, onLive) => {
          const tell = (): void => onLive?.(this.#live ?? new Set());
          this.#listeners.add(tell);
          return { cancel: () => this.#listeners.delete(tell) };
        },
      },
      membership: {
        isUp: (node) => node === self || !this.#isCut,
        isNewlyUp: (_, ms) => this.clock.mono() - this.#mendedMs < ms,
        onChange: (tell) => void this.#onHeard.add(tell),
      },
      clock: this.clock,
      log: silentLog,
    });
    failOver.start();
    this.nodes.set(self, { sets, failOver });
  }
}

function shards(count: number, owner: NodeId, ...others: NodeId[]): readonly ShardAssignment[] {
  return allShards(count).map(() => ({ epoch: 1, owner, replicas: [owner, ...others] }));
}

/** A shard of which `first` is the one to try first when n1 is dead. */
function shardFor(first: NodeId): ShardId {
  return allShards(64).find((shard) => inOrderOf(shard, [N2, N3])[0] === first) ?? S0;
}

describe('FailOver', () => {
  it('leaves shards alone whose owner has its lease', async () => {
    const world = new Leases(shards(8, N1, N2, N3));
    await world.clock.advance(10_000);
    expect([...world.nodes.values()].flatMap(({ sets }) => sets.log)).to.deep.equal([]);
  });

  it('takes every shard of a dead owner over once, shared among the replicas', async () => {
    const world = new Leases(shards(64, N1, N2, N3));
    world.setLive(N2, N3);
    await world.clock.advance(400);
    const [second, third] = [world.log(N2), world.log(N3)];
    expect(second.length + third.length).to.equal(64);
    expect(Math.min(second.length, third.length)).to.be.greaterThan(16);
    for (const shard of allShards(64))
      expect(world.map.assignment(shard).owner).to.equal(inOrderOf(shard, [N2, N3])[0]);
  });

  it('lets the next replica try when the first one does not manage', async () => {
    const world = new Leases(shards(64, N1, N2, N3));
    world.sets(N2).allows = () => false;
    world.setLive(N2, N3);
    await world.clock.advance(FAILOVER_STAGGER_MS - 100);
    expect(world.map.assignment(shardFor(N2)).owner).to.equal(N1);
    await world.clock.advance(500);
    expect(allShards(64).map((shard) => world.map.assignment(shard).owner)).not.to.include(N1);
  });

  it('tries again for as long as nobody owns the shard', async () => {
    const world = new Leases(shards(1, N1, N2));
    let refusals = 3;
    world.sets(N2).allows = () => (refusals -= 1) < 0;
    world.setLive(N2, N3);
    await world.clock.advance(2000);
    expect(world.map.assignment(S0).owner).to.equal(N2);
    expect(world.log(N2)).to.have.length(4);
  });

  it('times a take over from the loss of the owner, with the tries that failed', async () => {
    const world = new Leases(shards(1, N1, N2));
    const { failOver } = world.nodes.get(N2) ?? {};
    let refusals = 3;
    world.sets(N2).allows = () => (refusals -= 1) < 0;
    world.setLive(N2, N3);
    await world.clock.advance(3 * FAILOVER_RETRY_MS - 1);
    expect(failOver?.times.count).to.equal(0);
    await world.clock.advance(2000);
    expect(failOver?.tries).to.deep.equal({ ok: 1, failed: 3 });
    expect(failOver?.times.count).to.equal(1);
    expect(failOver?.times.sum).to.be.within((3 * FAILOVER_RETRY_MS) / 1000, 2);
  });

  it('does not take over what it holds no copy of, nor while it has no lease itself', async () => {
    const world = new Leases(shards(4, N1, N2));
    world.setLive(N3);
    await world.clock.advance(5000);
    expect([...world.log(N2), ...world.log(N3)]).to.deep.equal([]);
  });

  it('does not put its name to what it cannot serve, and does when it hears enough of the others', async () => {
    const world = new Leases(shards(4, N1, N2, N3));
    world.cut(true);
    world.setLive(N2, N3);
    await world.clock.advance(5000);
    expect([...world.log(N2), ...world.log(N3)]).to.deep.equal([]);
    world.cut(false);
    await world.clock.advance(FAILOVER_PATIENCE_MS + 1000);
    expect(world.log(N2).length + world.log(N3).length).to.equal(4);
  });

  it('waits for the lease of an owner that is heard again', async () => {
    const world = new Leases(shards(4, N1, N2, N3));
    world.cut(true);
    world.setLive(N2);
    await world.clock.advance(5000);
    world.cut(false);
    await world.clock.advance(FAILOVER_PATIENCE_MS / 2);
    world.setLive(N1, N2, N3);
    await world.clock.advance(10_000);
    expect([...world.log(N2), ...world.log(N3)]).to.deep.equal([]);
  });

  it('declares nobody dead before the coordinator was heard', async () => {
    const world = new Leases(shards(4, N1, N2, N3));
    world.forgetLive();
    await world.clock.advance(5000);
    expect(world.log(N2)).to.deep.equal([]);
  });

  it('lets an owner keep what it still has when its lease comes back before anybody tried', async () => {
    const world = new Leases(shards(64, N1, N2, N3));
    const shard = shardFor(N3);
    world.sets(N3).allows = () => false;
    world.setLive(N2, N3);
    await world.clock.advance(FAILOVER_STAGGER_MS / 2);
    world.setLive(N1, N2, N3);
    await world.clock.advance(5000);
    expect(world.map.assignment(shard).owner).to.equal(N1);
  });

  it('takes over a bounded number at the same time', async () => {
    const world = new Leases(shards(256, N1, N2));
    world.setLive(N2);
    await world.clock.advance(1000);
    expect(world.log(N2)).to.have.length(256);
    expect(world.sets(N2).atOnce.most).to.equal(FAILOVER_SHARDS_AT_ONCE);
  });

  it('begins nothing more once it is stopped', async () => {
    const world = new Leases(shards(8, N1, N2));
    world.nodes.get(N2)?.failOver.stop();
    world.setLive(N2);
    await world.clock.advance(5000);
    expect(world.log(N2)).to.deep.equal([]);
  });
});

describe('inOrderOf', () => {
  it('gives every node the first place about equally often, and does not depend on the order given', () => {
    const first = new Map<NodeId, number>();
    for (const shard of allShards(3000)) {
      const order = inOrderOf(shard, [N1, N2, N3]);
      expect(inOrderOf(shard, [N3, N1, N2])).to.deep.equal(order);
      const [best] = order as [NodeId];
      first.set(best, (first.get(best) ?? 0) + 1);
    }
    for (const node of [N1, N2, N3]) expect(first.get(node)).to.be.within(900, 1100);
  });
});

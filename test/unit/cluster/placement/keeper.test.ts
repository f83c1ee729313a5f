import { expect } from 'chai';
import type { ShardAssignment } from '../../../../src/cluster/members.ts';
import { PlacementKeeper } from '../../../../src/cluster/placement/keeper.ts';
import type { Standing } from '../../../../src/cluster/placement/standing.ts';
import { ShardDirectory } from '../../../../src/cluster/shard-map.ts';
import { allShards } from '../../../../src/cluster/shards.ts';
import { silentLog } from '../../../../src/ops/log.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import { PLACEMENT_STEPS_AT_ONCE } from '../../../../src/protocol/limits.ts';
import { FakeReplicaSets, SharedMap } from '../support/fake-replica-sets.ts';
import { memoryMeta } from '../support/fake-router-node.ts';
import { runOn } from '../support/run-on.ts';
import { memberOf } from '../support/test-cluster.ts';

const S0 = 0 as ShardId;

/** Keepers of several nodes over one map; steps take 5 ms. */
class World {
  readonly clock = new VirtualClock({ seed: 1 });
  readonly map = new SharedMap();
  readonly sets = new Map<string, FakeReplicaSets>();
  readonly keepers = new Map<string, PlacementKeeper>();
  readonly #standings = new Map<NodeId, Standing>();
  readonly #replicas: number;
  readonly #shards: readonly ShardAssignment[];

  constructor(shards: readonly ShardAssignment[], replicas: number) {
    this.#shards = shards;
    this.#replicas = replicas;
  }

  add(name: string): PlacementKeeper {
    const self = parseNodeId(name);
    const directory = new ShardDirectory(memoryMeta());
    const shards = this.map.directories[0]?.view.map.shards ?? this.#shards;
    directory.adopt({ members: [memberOf(name, this.keepers.size)], map: { version: 1, shards } });
    this.map.directories.push(directory);
    const replicaSets = new FakeReplicaSets(self, this.map, this.clock);
    const keeper = new PlacementKeeper({
      self,
      directory,
      replicaSets,
      standings: () => this.#standings,
      replicas: this.#replicas,
      clock: this.clock,
      log: silentLog,
    });
    this.sets.set(name, replicaSets);
    this.keepers.set(name, keeper);
    this.set(name, 'fit');
    keeper.start();
    return keeper;
  }

  set(name: string, standing: Standing): void {
    this.#standings.set(parseNodeId(name), standing);
    for (const keeper of this.keepers.values()) keeper.changed();
  }

  get shards(): readonly ShardAssignment[] {
    return this.map.directories[0]?.view.map.shards ?? [];
  }

  /** By node: how many shards it owns and how many it holds. */
  counts(): Record<string, readonly [owned: number, held: number]> {
    const count = (node: string): readonly [number, number] => [
      this.shards.filter(({ owner }) => owner === node).length,
      this.shards.filter(({ replicas }) => replicas.includes(parseNodeId(node))).length,
    ];
    return Object.fromEntries([...this.keepers.keys()].map((node) => [node, count(node)]));
  }
}

function held(count: number, ...names: string[]): readonly ShardAssignment[] {
  const replicas = names.map(parseNodeId);
  return allShards(count).map(() => ({ epoch: 1, owner: replicas[0] as NodeId, replicas }));
}

describe('PlacementKeeper', () => {
  it('replicates and shares out the shards of a cluster that grows, evenly within 30 s', async () => {
    const world = new World(held(256, 'n1'), 3);
    for (const name of ['n1', 'n2', 'n3']) world.add(name);
    await world.clock.advance(10_000);
    const third = { n1: [86, 256], n2: [85, 256], n3: [85, 256] };
    expect(world.counts()).to.deep.equal(third);
    world.add('n4');
    await world.clock.advance(30_000);
    const fourth = [64, 192];
    expect(world.counts()).to.deep.equal({ n1: fourth, n2: fourth, n3: fourth, n4: fourth });
  });

  it('changes a bounded number of shards at the same time', async () => {
    const world = new World(held(64, 'n1'), 2);
    for (const name of ['n1', 'n2']) world.add(name);
    await world.clock.advance(10_000);
    expect(world.sets.get('n1')?.atOnce.most).to.equal(PLACEMENT_STEPS_AT_ONCE);
  });

  it('makes missing copies before it evens anything out', async () => {
    const world = new World([...held(40, 'n1', 'n2'), ...held(8, 'n1')], 2);
    for (const name of ['n1', 'n2', 'n3']) world.add(name);
    await world.clock.advance(10_000);
    const first = world.sets.get('n1')?.log.slice(0, 8) ?? [];
    expect(
      first.map((line) => Number.parseInt(line, 10)).toSorted((left, right) => left - right),
    ).to.deep.equal(allShards(48).slice(40));
  });

  it('does what is urgent before the rest of what it was about to do', async () => {
    const world = new World(held(600, 'n1', 'n2'), 2);
    for (const name of ['n1', 'n2', 'n3']) world.add(name);
    await world.clock.advance(220);
    world.set('n2', 'dead');
    const before = world.sets.get('n1')?.log.length ?? 0;
    await world.clock.advance(400);
    const after = world.sets.get('n1')?.log.slice(before) ?? [];
    expect(after.findIndex((line) => line.endsWith('remove n2'))).to.be.within(0, 400);
  });

  it('leaves a shard alone for a while when its step failed, and the others do not wait for it', async () => {
    const world = new World(held(32, 'n1'), 2);
    for (const name of ['n1', 'n2']) world.add(name);
    const sets = world.sets.get('n1') as FakeReplicaSets;
    sets.allows = (_, shard) => shard !== S0;
    await world.clock.advance(5000);
    expect(world.shards.filter(({ replicas }) => replicas.length === 2)).to.have.length(31);
    expect(sets.log.filter((line) => line.startsWith('0:')).length).to.be.within(3, 6);
    sets.allows = () => true;
    await world.clock.advance(2000);
    expect(world.shards.every(({ replicas }) => replicas.length === 2)).to.equal(true);
  });

  it('drains: owns nothing, and keeps copies only where the others do without them', async () => {
    const world = new World([...held(16, 'n1', 'n2', 'n3'), ...held(16, 'n1')], 3);
    for (const name of ['n1', 'n2', 'n3']) world.add(name);
    const drained = world.keepers.get('n1')?.drain() ?? Promise.resolve(-1);
    world.set('n1', 'leaving');
    expect(await runOn(world.clock, drained)).to.equal(0);
    for (const { owner, replicas } of world.shards) {
      expect(owner).not.to.equal('n1');
      expect(replicas).to.include.members(['n2', 'n3']);
    }
  });

  it('drains: gives every copy away that is the only one', async () => {
    const world = new World(held(16, 'n1'), 1);
    for (const name of ['n1', 'n2']) world.add(name);
    const drained = world.keepers.get('n1')?.drain() ?? Promise.resolve(-1);
    world.set('n1', 'leaving');
    expect(await runOn(world.clock, drained)).to.equal(0);
    expect(world.counts()).to.deep.equal({ n1: [0, 0], n2: [16, 16] });
  });

  it('ends a drain at once when nobody else is fit', async () => {
    const world = new World(held(4, 'n1'), 3);
    const keeper = world.add('n1');
    expect(await runOn(world.clock, keeper.drain())).to.equal(4);
  });

  it('shows the plan of the whole cluster without touching anything', () => {
    const world = new World(held(4, 'n1'), 2);
    const keeper = world.add('n1');
    world.add('n2');
    expect(keeper.plan().map(({ kind, node }) => `${kind} ${node}`)).to.deep.equal([
      'add n2',
      'add n2',
      'add n2',
      'add n2',
    ]);
    expect(world.sets.get('n1')?.log).to.deep.equal([]);
  });

  it('waits for steps under way when it stops, and begins none after', async () => {
    const world = new World(held(64, 'n1'), 2);
    for (const name of ['n1', 'n2']) world.add(name);
    await world.clock.advance(202);
    const keeper = world.keepers.get('n1') as PlacementKeeper;
    expect(keeper.moving).to.be.greaterThan(0);
    await runOn(world.clock, keeper.stop());
    const { length } = world.sets.get('n1')?.log ?? [];
    await world.clock.advance(5000);
    expect(keeper.moving).to.equal(0);
    expect(world.sets.get('n1')?.log).to.have.length(length);
  });
});

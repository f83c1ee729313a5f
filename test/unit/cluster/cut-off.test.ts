import { expect } from 'chai';
import { shardOf } from '../../../src/cluster/shards.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { Address } from '../../../src/protocol/ids.ts';
import {
  LEASE_TTL_MS,
  MESH_PEER_SILENT_MS,
  RETREAT_MINORITY_MS,
  RETREAT_SESSIONS_MS,
} from '../../../src/protocol/limits.ts';
import { appendTo, TestCluster } from './support/test-cluster.ts';
import type { TestNode } from './support/test-node.ts';

const SHARDS = 6;
const ADDRESSES: readonly Address[] = Array.from({ length: 24 }, (_, index) =>
  parseUserId(`user${index}`),
);

/** Three nodes that share the shards, with a copy of each at all three. */
async function prepare(): Promise<TestCluster> {
  const world = new TestCluster({ seed: 5, shards: SHARDS, replicas: 3 });
  for (const name of ['a', 'b', 'c']) await world.add(name);
  await world.clock.advance(20_000);
  const { shards } = world.coordinators.present.map;
  expect(world.served()).to.deep.equal({ a: 2, b: 2, c: 2 });
  expect(shards.every(({ replicas }) => replicas.length === 3)).to.equal(true);
  return world;
}

/** Asks of the node's own sessions, as many as there are addresses; the codes of the answers that came within `limitMs`. */
async function askAll(world: TestCluster, node: TestNode, limitMs: number): Promise<string[]> {
  const answers: string[] = [];
  for (const to of ADDRESSES)
    node.cluster.router.ask<'append'>(to, appendTo(to, 1), (outcome) => {
      answers.push(outcome.ok ? 'stored' : outcome.error.code);
    });
  await world.clock.advance(limitMs);
  return answers;
}

describe('a node that is cut off from its peers alone', () => {
  it('hands its shards over within seconds, although the coordinator hears it, and gets its share back', async function () {
    this.timeout(20_000);
    const world = await prepare();
    world.startTraffic(ADDRESSES.slice(0, 6));
    await world.clock.advance(500);
    world.network.setAlone(world.node('a').id, true);
    await world.clock.advance(MESH_PEER_SILENT_MS + RETREAT_MINORITY_MS + 1000);
    const { a, b = 0, c = 0 } = world.served();
    expect(a, 'shards that it still serves').to.equal(0);
    expect(b + c).to.equal(SHARDS);
    await world.clock.advance(RETREAT_SESSIONS_MS);
    expect(world.node('a').cluster.isFit, 'whether it keeps sessions').to.equal(false);
    world.network.setAlone(world.node('a').id, false);
    await world.clock.advance(30_000);
    expect(world.node('a').cluster.isFit).to.equal(true);
    expect(world.served()).to.deep.equal({ a: 2, b: 2, c: 2 });
    world.stopTraffic();
    await world.clock.advance(8000);
    world.expectNothingLost();
    await world.stop();
  });
});

describe('a node that is cut off from the coordinator alone', () => {
  it('learns from its peers who has taken its shards, and reaches them within seconds', async () => {
    const world = await prepare();
    const cut = world.node('a');
    const mine = ADDRESSES.filter((to) => {
      const shard = shardOf(to, SHARDS);
      return cut.cluster.ownership.servedEpoch(shard) !== undefined;
    });
    expect(mine, 'users whose shard the node owns').to.not.deep.equal([]);
    world.coordinators.setCutOff(cut.id, true);
    await world.clock.advance(LEASE_TTL_MS + 2000);
    expect(cut.cluster.ownership.servedCount, 'shards that it still serves').to.equal(0);
    const answers = await askAll(world, cut, 1000);
    expect(answers).to.deep.equal(ADDRESSES.map(() => 'stored'));
    world.expectOneWriterPerEpoch();
    await world.stop();
  });

  it('asks nobody while its lease holds', async () => {
    const world = await prepare();
    const asked: string[] = [];
    world.network.filter = ({ from, service }) => {
      if (service === 'map') asked.push(from);
      return true;
    };
    await world.clock.advance(10_000);
    expect(asked).to.deep.equal([]);
    world.coordinators.setCutOff(world.node('a').id, true);
    await world.clock.advance(LEASE_TTL_MS + 1000);
    expect(asked).to.include('a');
    await world.stop();
  });
});

import { expect } from 'chai';
import { parseShardId } from '../../../../src/protocol/ids.ts';
import { runOn } from '../support/run-on.ts';
import { valueKey } from './replica-node.ts';
import type { ReplicaNode } from './replica-node.ts';
import { ReplicaWorld } from './replica-world.ts';

const SHARD = parseShardId(0);

/** Three replicas with some content, and their owner. */
async function prepare(): Promise<{ world: ReplicaWorld; owner: ReplicaNode; other: ReplicaNode }> {
  const world = new ReplicaWorld({ seed: 5 });
  await world.build();
  const [owner, other] = world.nodes;
  if (owner === undefined || other === undefined) throw new Error('no nodes');
  for (let counter = 1; counter <= 20; counter += 1)
    await runOn(world.clock, owner.life.put(SHARD, 1, counter));
  await world.clock.advance(100);
  return { world, owner, other };
}

/** Changes a copy behind everybody's back: the same commit, other content. */
async function tamper(world: ReplicaWorld, { life: { store } }: ReplicaNode): Promise<void> {
  const head = store.head(SHARD);
  await runOn(world.clock, store.markPartial(SHARD));
  const writes = [{ key: Uint8Array.of(9), value: Uint8Array.of(9) }];
  await runOn(world.clock, store.install(SHARD, head, writes));
}

describe('anti-entropy', () => {
  it('compares replicas and finds them equal', async () => {
    const { world, owner } = await prepare();
    await runOn(world.clock, owner.life.replication.antiEntropy.compareAll());
    expect(owner.life.replication.counters()).to.include({ compared: 6, repairs: 0 });
  });

  it('copies a replica anew that differs twice at the same commit', async () => {
    const { world, owner, other } = await prepare();
    await tamper(world, other);
    expect(world.areEqual(SHARD)).to.equal(false);
    await runOn(world.clock, owner.life.replication.antiEntropy.compareAll());
    await world.clock.advance(1000);
    expect(world.areEqual(SHARD)).to.equal(true);
    expect(owner.life.replication.counters()).to.include({ repairs: 1, silent: 0, lag: 0 });
  });

  it('leaves a shard alone that is written to meanwhile', async () => {
    const { world, owner, other } = await prepare();
    await tamper(world, other);
    const round = owner.life.replication.antiEntropy.compareAll();
    const put = owner.life.put(SHARD, 1, 21);
    await runOn(world.clock, Promise.all([round, put]));
    expect(owner.life.replication.counters().repairs).to.equal(0);
  });
});

describe('a node whose disk was put back', () => {
  it('counts for nothing until its copies are synced anew', async () => {
    const { world, owner, other } = await prepare();
    const disk = other.backUp();
    for (let counter = 21; counter <= 40; counter += 1)
      await runOn(world.clock, owner.life.put(SHARD, 1, counter));
    other.crash();
    other.putBack(disk);
    await runOn(world.clock, other.start());
    expect(other.life.store.standing(SHARD)).to.equal('partial');
    await world.clock.advance(2000);
    expect(other.life.store.standing(SHARD)).to.equal('whole');
    expect(world.areEqual(SHARD)).to.equal(true);
  });

  it('is not waited for when the owner dies while it makes the other copy anew', async () => {
    const { world, owner, other } = await prepare();
    const third = world.nodes[2] ?? other;
    const disk = third.backUp();
    for (let counter = 21; counter <= 40; counter += 1)
      await runOn(world.clock, owner.life.put(SHARD, 1, counter));
    owner.life.ownership.tenure(SHARD)?.doubt(other.id, true);
    while (other.life.store.standing(SHARD) !== 'partial') await world.clock.advance(1);
    expect(other.life.store.floor(SHARD)).to.deep.equal(owner.life.store.head(SHARD));
    owner.crash();
    third.crash();
    third.putBack(disk);
    await runOn(world.clock, Promise.all([owner.start(), third.start()]));
    await world.clock.advance(5000);
    expect(owner.life.store.get(SHARD, valueKey(1, 40))).to.not.equal(undefined);
    for (const node of [other, third]) expect(node.life.store.standing(SHARD)).to.equal('whole');
    expect(world.areEqual(SHARD)).to.equal(true);
  });
});

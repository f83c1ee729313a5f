import { expect } from 'chai';
import fc from 'fast-check';
import type { ShardAssignment } from '../../../src/cluster/members.ts';
import { freshShards, planMoves } from '../../../src/cluster/rebalance.ts';
import { allShards, shardOf } from '../../../src/cluster/shards.ts';
import { parseNodeId, parseUserId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5'].map(parseNodeId);
const N1 = parseNodeId('n1');

/** Any map of up to 64 shards over five nodes, and any non-empty choice of targets. */
const situation = fc.record({
  shards: fc.array(
    fc
      .constantFrom(...NODES)
      .map((owner): ShardAssignment => ({ epoch: 1, owner, replicas: [owner] })),
    { maxLength: 64 },
  ),
  targets: fc.subarray([...NODES], { minLength: 1 }),
});

function countsAfter(
  shards: readonly ShardAssignment[],
  moves: ReturnType<typeof planMoves>,
): Map<NodeId, number> {
  const owners = shards.map(({ owner }) => owner);
  for (const { shard, from, to } of moves) {
    expect(owners[shard]).to.equal(from);
    owners[shard] = to;
  }
  const counts = new Map<NodeId, number>(NODES.map((node) => [node, 0]));
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

describe('planMoves', () => {
  it('makes targets even, give or take one', () => {
    fc.assert(
      fc.property(situation, ({ shards, targets }) => {
        const counts = countsAfter(shards, planMoves({ shards, targets }));
        const held = targets.map((node) => counts.get(node) ?? 0);
        expect(Math.max(...held) - Math.min(...held)).to.be.at.most(1);
      }),
    );
  });

  it('leaves shards alone whose owner cannot hand them over, and moves none there', () => {
    fc.assert(
      fc.property(situation, ({ shards, targets }) => {
        for (const { from, to } of planMoves({ shards, targets })) {
          expect(targets).to.include(from);
          expect(targets).to.include(to);
        }
      }),
    );
  });

  it('moves as few shards as possible', () => {
    fc.assert(
      fc.property(situation, ({ shards, targets }) => {
        const held = targets
          .map((node) => shards.filter(({ owner }) => owner === node).length)
          .toSorted((left, right) => right - left);
        const total = held.reduce((sum, count) => sum + count, 0);
        const floor = Math.floor(total / targets.length);
        // Whoever has more than its share must give the rest away; the largest may keep one odd shard each.
        const least = held.reduce(
          (sum, count, rank) =>
            sum + Math.max(0, count - (rank < total % targets.length ? floor + 1 : floor)),
          0,
        );
        expect(planMoves({ shards, targets })).to.have.length(least);
      }),
    );
  });

  it('is the same whatever order the members come in, and empty once carried out', () => {
    fc.assert(
      fc.property(situation, ({ shards, targets }) => {
        const moves = planMoves({ shards, targets });
        expect(planMoves({ shards, targets: targets.toReversed() })).to.deep.equal(moves);
        const owners = shards.map(({ owner }) => owner);
        for (const { shard, to } of moves) owners[shard] = to;
        const after = owners.map((owner) => ({ epoch: 2, owner, replicas: [owner] }));
        expect(planMoves({ shards: after, targets })).to.deep.equal([]);
      }),
    );
  });

  it('empties nodes that leave', () => {
    fc.assert(
      fc.property(situation, ({ shards, targets }) => {
        const leaving = NODES.filter((node) => !targets.includes(node));
        const counts = countsAfter(shards, planMoves({ shards, targets, leaving }));
        for (const node of leaving) expect(counts.get(node)).to.equal(0);
        const held = targets.map((node) => counts.get(node) ?? 0);
        expect(Math.max(...held) - Math.min(...held)).to.be.at.most(1);
      }),
    );
  });

  it('has no plan without targets', () => {
    expect(planMoves({ shards: freshShards(N1, 4), targets: [], leaving: [N1] })).to.deep.equal([]);
  });

  it('gives a new member its share of a fresh map, and no other shard moves', () => {
    const moves = planMoves({ shards: freshShards(N1, 256), targets: NODES.slice(0, 2) });
    expect(moves).to.have.length(128);
  });
});

describe('shardOf', () => {
  it('is the function that PROTOCOL.md names: FNV-1a, 32 bit', () => {
    // Modulo a prime, so that every bit counts.
    const reference = (text: string): number => {
      let hash = 0x811c9dc5n;
      for (const byte of Buffer.from(text, 'utf8'))
        hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffff_ffffn;
      return Number(hash % 4093n);
    };
    for (const name of ['alice', 'bob', 'a', 'x'.repeat(32), '0-9._'])
      expect(shardOf(parseUserId(name), 4093)).to.equal(reference(`@${name}`));
    expect(shardOf(parseUserId('alice'), 256)).to.equal(137);
  });

  it('spreads names evenly, also such as people number', () => {
    for (const nameOf of [
      (index: number): string => `user${index}`,
      (index: number): string => `${index.toString(36)}-bot`,
    ]) {
      const counts = allShards(256).map(() => 0);
      for (let index = 0; index < 100_000; index += 1) {
        const shard = shardOf(parseUserId(nameOf(index)), 256);
        counts[shard] = (counts[shard] ?? 0) + 1;
      }
      const mean = 100_000 / 256;
      expect(Math.max(...counts)).to.be.below(mean * 1.25);
      expect(Math.min(...counts)).to.be.above(mean * 0.75);
    }
  });

  it('numbers the shards of a cluster from 0', () => {
    expect(allShards(3)).to.deep.equal([0, 1, 2]);
  });
});

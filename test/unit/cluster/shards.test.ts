import { expect } from 'chai';
import { allShards, freshShards, shardOf } from '../../../src/cluster/shards.ts';
import { parseNodeId, parseUserId } from '../../../src/protocol/ids.ts';

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

  it('gives all shards of a fresh map to its first member', () => {
    const n1 = parseNodeId('n1');
    const one = { epoch: 1, owner: n1, replicas: [n1] };
    expect(freshShards(n1, 2)).to.deep.equal([one, one]);
  });
});

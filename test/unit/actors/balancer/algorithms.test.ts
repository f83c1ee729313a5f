import { expect } from 'chai';
import { parseAlgorithm, weigh } from '../../../../src/actors/balancer/algorithms.ts';
import type { Candidate } from '../../../../src/actors/balancer/algorithms.ts';
import { FastChatError } from '../../../../src/protocol/errors.ts';
import { N1, N2, N3 } from './nodes.ts';

const CANDIDATES: readonly Candidate[] = [
  { node: N1, connections: 3, load: 1 },
  { node: N2, connections: 1, load: 2 },
  { node: N3, connections: 1, load: 4 },
];

describe('balancing algorithms', () => {
  it('inverse-load weighs by 1 / load', () => {
    expect(weigh('inverse-load', CANDIDATES, undefined)).to.deep.equal([1, 0.5, 0.25]);
  });

  it('least-connections takes those with the fewest, whatever their load', () => {
    expect(weigh('least-connections', CANDIDATES, undefined)).to.deep.equal([0, 1, 1]);
  });

  it('round-robin goes on after the last one by name, and begins again', () => {
    const next = (last: typeof N1 | undefined): readonly number[] =>
      weigh('round-robin', CANDIDATES, last);
    expect(next(undefined)).to.deep.equal([1, 0, 0]);
    expect(next(N1)).to.deep.equal([0, 1, 0]);
    expect(next(N3)).to.deep.equal([1, 0, 0]);
  });

  it('round-robin goes on although the last one is gone', () => {
    const others = CANDIDATES.filter(({ node }) => node !== N2);
    expect(weigh('round-robin', others, N2)).to.deep.equal([0, 1]);
  });

  it('random weighs all alike', () => {
    expect(weigh('random', CANDIDATES, N1)).to.deep.equal([1, 1, 1]);
  });

  it('a name is read, an unknown one is refused with those there are', () => {
    expect(parseAlgorithm('round-robin')).to.equal('round-robin');
    for (const wrong of ['fastest', 'toString', ''])
      expect(() => parseAlgorithm(wrong))
        .to.throw(FastChatError, 'inverse-load, least-connections, round-robin, random')
        .with.property('code', 'E_CONFIG');
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import {
  fenceQuorumOf,
  majorityOf,
  reachedBy,
} from '../../../../src/cluster/replication/quorum.ts';
import { REPLICAS_MAX } from '../../../../src/protocol/limits.ts';

const sizes = Array.from({ length: REPLICAS_MAX }, (_, index) => index + 1);

describe('quorum', () => {
  it('is 1 of 1, 2 of 2, 2 of 3', () => {
    expect([1, 2, 3].map(majorityOf)).to.deep.equal([1, 2, 2]);
    expect([1, 2, 3].map(fenceQuorumOf)).to.deep.equal([1, 1, 2]);
  });

  it('I3: whoever acknowledges and whoever is fenced have a member in common, and no more are asked than needed', () => {
    for (const size of sizes) expect(majorityOf(size) + fenceQuorumOf(size)).to.equal(size + 1);
  });

  it('I2: reaches what so many have flushed, whatever the others have', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), (flushed) => {
        const quorum = majorityOf(flushed.length);
        const reached = reachedBy(flushed, quorum);
        expect(flushed.filter((seq) => seq >= reached).length).to.be.at.least(quorum);
        expect(flushed.filter((seq) => seq > reached).length).to.be.below(quorum);
      }),
    );
  });
});

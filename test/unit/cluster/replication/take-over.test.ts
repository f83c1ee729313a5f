import { expect } from 'chai';
import fc from 'fast-check';
import { fenceQuorumOf, majorityOf } from '../../../../src/cluster/replication/quorum.ts';
import {
  isLonger,
  judgeTakeOver,
  mayServeIn,
  nextClaim,
} from '../../../../src/cluster/replication/take-over.ts';
import type { ClaimFacts, FencedCopy } from '../../../../src/cluster/replication/take-over.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';

const NODES = ['a', 'b', 'c'].map(parseNodeId);
const [A, B] = NODES as [FencedCopy['node'], FencedCopy['node']];

const standing = fc.constantFrom(
  'whole' as const,
  'whole' as const,
  'partial' as const,
  'absent' as const,
);
const head = fc.record({ epoch: fc.integer({ min: 1, max: 3 }), seq: fc.nat(5) });

describe('judgeTakeOver', () => {
  it('I3: goes on with the longest of N - W + 1 whole logs, by epoch and then by number', () => {
    const copies = fc.tuple(
      ...NODES.map((node) =>
        fc.record({ node: fc.constant(node), standing, head, isHeard: fc.boolean() }),
      ),
    );
    fc.assert(
      fc.property(copies, fc.integer({ min: 1, max: 3 }), (all, size) => {
        const replicas = NODES.slice(0, size);
        const fenced = all.filter(
          ({ node, isHeard }) => replicas.includes(node) && (isHeard || node === A),
        );
        const verdict = judgeTakeOver({
          self: A,
          assignment: { epoch: 4, owner: A, replicas },
          fenced,
        });
        const whole = fenced.filter((copy) => copy.standing === 'whole');
        expect(verdict.type === 'wait').to.equal(whole.length < fenceQuorumOf(size));
        if (verdict.type === 'wait') return;
        const leader = verdict.type === 'yield' ? verdict.to : A;
        const chosen = whole.find(({ node }) => node === leader);
        for (const copy of whole)
          expect(isLonger(copy.head, chosen?.head ?? copy.head)).to.equal(false);
        expect(chosen).to.not.equal(undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('I3: whatever W acknowledged is in the log that goes on', () => {
    const acknowledged = { epoch: 2, seq: 7 };
    const subset = fc.subarray(NODES);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), subset, subset, (size, holding, asked) => {
        const replicas = NODES.slice(0, size);
        const holders = replicas.filter((node) => holding.includes(node));
        fc.pre(holders.length >= majorityOf(size));
        const fenced = replicas
          .filter((node) => node === A || asked.includes(node))
          .map((node) => ({
            node,
            standing: 'whole' as const,
            head: holders.includes(node) ? acknowledged : { epoch: 1, seq: 99 },
          }));
        const assignment = { epoch: 4, owner: A, replicas };
        const verdict = judgeTakeOver({ self: A, assignment, fenced });
        const leader = verdict.type === 'yield' ? verdict.to : A;
        if (verdict.type !== 'wait') expect(holders).to.include(leader);
      }),
      { numRuns: 500 },
    );
  });

  it('makes a shard from nothing only in the first epoch of a cluster', () => {
    const fenced: FencedCopy[] = [{ node: A, standing: 'absent', head: { epoch: 0, seq: 0 } }];
    const judge = (epoch: number, replicas: readonly FencedCopy['node'][]) =>
      judgeTakeOver({ self: A, assignment: { epoch, owner: A, replicas }, fenced }).type;
    expect(judge(1, [A])).to.equal('lead');
    expect(judge(2, [A])).to.equal('wait');
    expect(judge(1, [A, B])).to.equal('wait');
  });
});

describe('claims', () => {
  const facts: ClaimFacts = {
    self: A,
    promised: 3,
    standing: 'whole',
    headEpoch: 3,
    claimed: undefined,
    mayReuse: false,
    isDead: () => false,
  };
  const alone = { epoch: 3, owner: A, replicas: [A] };
  const pair = { epoch: 3, owner: A, replicas: [A, B] };

  it('O2: an epoch that an earlier life may have used is not used again', () => {
    expect(mayServeIn(alone, facts)).to.equal(false);
    expect(mayServeIn(alone, { ...facts, headEpoch: 2 })).to.equal(true);
    expect(mayServeIn(pair, { ...facts, headEpoch: 2 })).to.equal(false);
    expect(mayServeIn(pair, { ...facts, headEpoch: 2, promised: 2 })).to.equal(true);
    expect(mayServeIn(pair, { ...facts, claimed: 3 })).to.equal(true);
    expect(mayServeIn(pair, { ...facts, claimed: 3, promised: 4 })).to.equal(false);
  });

  it('O2: without a coordinator only the one replica of a shard goes on in its last epoch', () => {
    expect(mayServeIn(alone, { ...facts, mayReuse: true })).to.equal(true);
    expect(mayServeIn(alone, { ...facts, mayReuse: true, promised: 4 })).to.equal(false);
    expect(mayServeIn(pair, { ...facts, mayReuse: true })).to.equal(false);
  });

  it('goes past everything that was promised', () => {
    expect(nextClaim(alone, facts, 0)).to.deep.equal({ epoch: 4, owner: A, replicas: [A] });
    expect(nextClaim(pair, { ...facts, promised: 6 }, 9).epoch).to.equal(10);
  });

  it('I6: leaves a dead member out of a set of two, if the copy here is whole', () => {
    const isDead = (node: FencedCopy['node']): boolean => node === B;
    expect(nextClaim(pair, { ...facts, isDead }, 0).replicas).to.deep.equal([A]);
    expect(nextClaim(pair, { ...facts, isDead, standing: 'partial' }, 0).replicas).to.deep.equal([
      A,
      B,
    ]);
    const three = { ...pair, replicas: NODES };
    expect(nextClaim(three, { ...facts, isDead }, 0).replicas).to.deep.equal(NODES);
    expect(mayServeIn(pair, { ...facts, isDead, claimed: 3 })).to.equal(false);
  });
});

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
const NOTHING = { epoch: 0, seq: 0 };
const [A, B] = NODES as [FencedCopy['node'], FencedCopy['node']];

const standing = fc.constantFrom(
  'whole' as const,
  'whole' as const,
  'partial' as const,
  'absent' as const,
);
const head = fc.record({ epoch: fc.integer({ min: 1, max: 3 }), seq: fc.nat(5) });
const floor = fc.option(head, { nil: undefined });

describe('judgeTakeOver', () => {
  it('I3: goes on with the longest of N - W + 1 logs, those that it replaces among them', () => {
    const copies = fc.tuple(
      ...NODES.map((node) =>
        fc.record({ node: fc.constant(node), standing, head, floor, isHeard: fc.boolean() }),
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
        const isReplaced = (copy: FencedCopy): boolean =>
          whole.some((other) => copy.floor !== undefined && !isLonger(copy.floor, other.head));
        const counted = fenced.filter((copy) => copy.standing === 'whole' || isReplaced(copy));
        const isEnough = whole.length > 0 && counted.length >= fenceQuorumOf(size);
        expect(verdict.type === 'wait').to.equal(!isEnough);
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
    const later = fc.constantFrom(acknowledged, { epoch: 2, seq: 9 }, { epoch: 3, seq: 8 });
    const earlier = fc.constantFrom({ epoch: 1, seq: 99 }, { epoch: 2, seq: 3 });
    const size = fc.integer({ min: 1, max: 3 });
    const sets = fc.record({ size, holding: subset, asked: subset, forgetting: subset });
    fc.assert(
      fc.property(sets, later, earlier, ({ size: count, holding, asked, forgetting }, ...heads) => {
        const replicas = NODES.slice(0, count);
        const holders = replicas.filter((node) => holding.includes(node));
        fc.pre(holders.length >= majorityOf(count));
        // Those that forget have begun a copy of a log since: one that had it, or one from before it was made.
        const fenced = replicas
          .filter((node) => node === A || asked.includes(node))
          .map((node): FencedCopy => {
            const at = heads[holders.includes(node) ? 0 : 1] ?? acknowledged;
            return forgetting.includes(node)
              ? { node, standing: 'partial', head: NOTHING, floor: at }
              : { node, standing: 'whole', head: at, floor: undefined };
          });
        const assignment = { epoch: 4, owner: A, replicas };
        const verdict = judgeTakeOver({ self: A, assignment, fenced });
        const leader = verdict.type === 'yield' ? verdict.to : A;
        if (verdict.type === 'wait') return;
        expect(holders).to.include(leader);
        expect(forgetting).to.not.include(leader);
      }),
      { numRuns: 2000 },
    );
  });

  it('I3: a log stands for the copies that were begun from it or from a shorter one', () => {
    const own: FencedCopy = {
      node: A,
      standing: 'whole',
      head: { epoch: 3, seq: 5 },
      floor: undefined,
    };
    const judge = (at: FencedCopy['floor']): string => {
      const begun: FencedCopy = { node: B, standing: 'partial', head: NOTHING, floor: at };
      const assignment = { epoch: 4, owner: A, replicas: NODES };
      return judgeTakeOver({ self: A, assignment, fenced: [own, begun] }).type;
    };
    expect(judge({ epoch: 3, seq: 5 })).to.equal('lead');
    expect(judge({ epoch: 2, seq: 9 })).to.equal('lead');
    expect(judge({ epoch: 3, seq: 6 }), 'acknowledged what is not here').to.equal('wait');
    expect(judge(undefined), 'forgot what nobody is known to have').to.equal('wait');
  });

  it('makes a shard from nothing only in the first epoch of a cluster', () => {
    const absent: FencedCopy = { node: A, standing: 'absent', head: NOTHING, floor: undefined };
    const fenced = [absent];
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

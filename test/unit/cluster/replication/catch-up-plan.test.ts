import { expect } from 'chai';
import fc from 'fast-check';
import { planCatchUp } from '../../../../src/cluster/replication/catch-up-plan.ts';
import type { CopyStatus } from '../../../../src/cluster/replication/catch-up-plan.ts';
import { epochRuns, lastCommon } from '../../../../src/cluster/replication/epoch-runs.ts';
import type { EpochAt } from '../../../../src/cluster/replication/epoch-runs.ts';
import { JOURNAL_HELD_MAX } from '../../../../src/protocol/limits.ts';

/** A log by the epochs of its commits 1, 2, ...; the journal knows them from `base` on. */
class Log {
  readonly epochs: readonly number[];
  readonly base: number;

  constructor(epochs: readonly number[], base = 0) {
    this.epochs = epochs;
    this.base = Math.min(base, epochs.length);
  }

  get head(): { readonly epoch: number; readonly seq: number } {
    return { epoch: this.epochs.at(-1) ?? 0, seq: this.epochs.length };
  }

  readonly epochAt: EpochAt = (seq) => {
    if (seq < this.base || seq > this.epochs.length) return undefined;
    return seq === 0 ? 0 : this.epochs[seq - 1];
  };

  status(standing: CopyStatus['standing'] = 'whole'): CopyStatus {
    const runs = epochRuns(this.head, this.epochAt);
    return { promised: 9, standing, head: this.head, floor: undefined, runs };
  }
}

/** Two logs of owners that took over from one another: alike up to somewhere, of different epochs after it. */
const twoLogs = fc
  .record({
    common: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }),
    left: fc.array(fc.constantFrom(6, 8, 10), { maxLength: 6 }),
    right: fc.array(fc.constantFrom(7, 9, 11), { maxLength: 6 }),
    base: fc.nat(14),
  })
  .map(({ common, left, right, base }) => {
    const sorted = common.toSorted((one, two) => one - two);
    const tail = (epochs: number[]): number[] => epochs.toSorted((one, two) => one - two);
    return {
      common: sorted.length,
      own: new Log([...sorted, ...tail(left)], base),
      copy: new Log([...sorted, ...tail(right)]),
    };
  });

describe('where two logs part', () => {
  it('describes a log by its runs', () => {
    const { head, epochAt } = new Log([1, 1, 2, 2, 2, 7]);
    expect(epochRuns(head, epochAt)).to.deep.equal([
      { epoch: 0, from: 0 },
      { epoch: 1, from: 1 },
      { epoch: 2, from: 3 },
      { epoch: 7, from: 6 },
    ]);
  });

  it('goes back no further than the journal', () => {
    const { head, epochAt } = new Log([1, 1, 2, 2, 2, 7], 4);
    expect(epochRuns(head, epochAt)).to.deep.equal([
      { epoch: 2, from: 4 },
      { epoch: 7, from: 6 },
    ]);
  });

  it('I4: finds the newest commit in common, unless the journal has forgotten it', () => {
    fc.assert(
      fc.property(twoLogs, ({ common, own, copy }) => {
        const { runs, head } = copy.status();
        const found = lastCommon(own, runs, head.seq);
        expect(found).to.equal(common >= own.base ? common : undefined);
      }),
      { numRuns: 500 },
    );
  });
});

describe('planCatchUp', () => {
  it('follows a prefix, rolls back any other tail, copies what cannot be compared', () => {
    fc.assert(
      fc.property(twoLogs, ({ common, own, copy }) => {
        const plan = planCatchUp(own, copy.status());
        if (common < own.base) expect(plan).to.deep.equal({ type: 'copy' });
        else if (copy.head.seq === common)
          expect(plan).to.deep.equal({ type: 'follow', from: copy.head });
        else expect(plan).to.deep.equal({ type: 'rollBack', from: copy.head, to: common });
      }),
      { numRuns: 500 },
    );
  });

  it('copies what is partial or being dropped, whatever it says to have', () => {
    const own = new Log([1, 1, 1]);
    for (const standing of ['partial', 'dropping'] as const)
      expect(planCatchUp(own, own.status(standing))).to.deep.equal({ type: 'copy' });
  });

  it('takes an absent copy for an empty prefix', () => {
    const plan = planCatchUp(new Log([1, 1]), new Log([]).status('absent'));
    expect(plan).to.deep.equal({ type: 'follow', from: { epoch: 0, seq: 0 } });
  });

  it('copies what is further behind than a delta may reach', () => {
    const own = new Log(Array.from({ length: JOURNAL_HELD_MAX + 2 }, () => 1));
    expect(planCatchUp(own, new Log([1]).status()).type).to.equal('copy');
    expect(planCatchUp(own, new Log([1, 1]).status()).type).to.equal('follow');
  });
});

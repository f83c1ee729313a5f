import { expect } from 'chai';
import fc from 'fast-check';
import {
  loadOf,
  pickIndex,
  probabilities,
  utilisation,
} from '../../../../src/actors/balancer/weights.ts';
import { report } from './nodes.ts';

describe('balancer weights', () => {
  it('load is sessions over what is free of the busiest bottleneck', () => {
    expect(loadOf(report({ sessions: 9 }), 0)).to.equal(10);
    expect(loadOf(report({ sessions: 9, eventLoopUtilisation: 0.5 }), 0)).to.equal(20);
    expect(loadOf(report({ sessions: 9, outboxFill: 0.75 }), 0)).to.equal(40);
    expect(utilisation(report({ eventLoopUtilisation: 0.2, outboxFill: 0.9 }))).to.equal(0.9);
  });

  it('a login placed since the report counts like a session', () => {
    expect(loadOf(report({ sessions: 4 }), 5)).to.equal(loadOf(report({ sessions: 9 }), 0));
  });

  it('a saturated node has a finite load', () => {
    expect(loadOf(report({ eventLoopUtilisation: 1 }), 0)).to.be.closeTo(20, 1e-9);
  });

  it('a roll falls on each in proportion to its weight', () => {
    const picks = Array.from({ length: 700 }, (_, index) => pickIndex([4, 2, 1], index / 700));
    const counts = [0, 1, 2].map((wanted) => picks.filter((pick) => pick === wanted).length);
    expect(counts).to.deep.equal([400, 200, 100]);
  });

  it('nothing is picked when nothing has weight', () => {
    expect(pickIndex([], 0.5)).to.equal(undefined);
    expect(pickIndex([0, 0], 0.5)).to.equal(undefined);
    expect(probabilities([0, 0])).to.deep.equal([0, 0]);
  });

  it('whatever the roll, one with a weight is picked', () => {
    const weights = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 20 });
    const rolls = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(weights, rolls, (some, roll) => {
        const index = pickIndex(some, roll);
        if (some.every((weight) => weight === 0)) expect(index).to.equal(undefined);
        else expect(some[index ?? -1]).to.be.greaterThan(0);
      }),
    );
  });
});

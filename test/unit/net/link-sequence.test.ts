import { expect } from 'chai';
import { LinkSequence } from '../../../src/net/link-sequence.ts';

describe('LinkSequence', () => {
  it('tells how many frames are missing', () => {
    const sequence = new LinkSequence();
    sequence.begin(1, false);
    expect([1, 2, 5, 6].map((seq) => sequence.accept(seq))).to.deep.equal([0, 0, 2, 0]);
    expect(sequence.last).to.equal(6);
  });

  it('refuses what was heard or overtaken', () => {
    const sequence = new LinkSequence();
    sequence.begin(1, false);
    expect([1, 3, 3, 2].map((seq) => sequence.accept(seq))).to.deep.equal([0, 1, -1, -1]);
  });

  it('counts what a break swallowed when the same boot goes on', () => {
    const sequence = new LinkSequence();
    sequence.begin(1, false);
    sequence.accept(1);
    sequence.begin(5, true);
    expect(sequence.accept(5)).to.equal(3);
  });

  it('starts anew with another boot, or when the peer counts anew', () => {
    const sequence = new LinkSequence();
    sequence.begin(10, false);
    expect(sequence.accept(10)).to.equal(0);
    sequence.begin(40, false);
    expect(sequence.accept(40)).to.equal(0);
    sequence.begin(1, true);
    expect(sequence.accept(1)).to.equal(0);
  });
});

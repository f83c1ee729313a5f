import { expect } from 'chai';
import { Sequence } from '../../../../src/cluster/replication/sequence.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';

const [A, B, C] = ['a', 'b', 'c'].map(parseNodeId) as [
  ReturnType<typeof parseNodeId>,
  ReturnType<typeof parseNodeId>,
  ReturnType<typeof parseNodeId>,
];

describe('Sequence', () => {
  it('I2: acknowledges what W replicas have flushed', () => {
    const sequence = new Sequence(A, [A, B, C], 1);
    expect(sequence.noteFlushed(A, 5)).to.equal(false);
    expect(sequence.noteFlushed(B, 3)).to.equal(true);
    expect(sequence.acknowledged).to.equal(3);
    expect(sequence.noteFlushed(C, 9)).to.equal(true);
    expect(sequence.acknowledged).to.equal(5);
  });

  it('acknowledges nothing of an older epoch before the marker of this one', () => {
    const sequence = new Sequence(A, [A, B], 8);
    sequence.noteFlushed(A, 8);
    expect(sequence.noteFlushed(B, 7)).to.equal(false);
    expect(sequence.acknowledged).to.equal(0);
    expect(sequence.noteFlushed(B, 8)).to.equal(true);
    expect(sequence.acknowledged).to.equal(8);
  });

  it('does not count a node that is no replica', () => {
    const sequence = new Sequence(A, [A, B], 1);
    sequence.noteFlushed(A, 4);
    expect(sequence.noteFlushed(C, 4)).to.equal(false);
    expect(sequence.isCovered([A, C], 4)).to.equal(true);
    expect(sequence.isCovered([A, B], 1)).to.equal(false);
  });

  it('counts what a replica that was asked has, not what it had', () => {
    const sequence = new Sequence(A, [A, B, C], 1);
    sequence.noteFlushed(B, 6);
    sequence.resetFlushed(B, 2);
    sequence.noteFlushed(A, 6);
    expect(sequence.acknowledged).to.equal(2);
    expect(sequence.floor).to.equal(0);
  });

  it('notices what a replica tells when it is asked as soon as anything is flushed', () => {
    const sequence = new Sequence(A, [A, B], 1);
    sequence.noteFlushed(A, 6);
    sequence.resetFlushed(B, 6);
    expect(sequence.noteFlushed(B, 6)).to.equal(true);
    expect(sequence.acknowledged).to.equal(6);
  });

  it('I6: waits for the marker of a new set; what was acknowledged stays so', () => {
    const sequence = new Sequence(A, [A, B], 1);
    sequence.noteFlushed(A, 5);
    sequence.noteFlushed(B, 5);
    sequence.reconfigure([A], 6);
    expect(sequence.acknowledged).to.equal(5);
    expect(sequence.noteFlushed(A, 5)).to.equal(false);
    expect(sequence.noteFlushed(A, 6)).to.equal(true);
    expect(sequence.flushedAt(B)).to.equal(0);
  });
});

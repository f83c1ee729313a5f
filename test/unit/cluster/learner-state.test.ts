import { expect } from 'chai';
import type { LearnerRequest } from '../../../src/cluster/handover-frames.ts';
import { stepLearner } from '../../../src/cluster/learner-state.ts';
import type { Copy, LearnerFacts } from '../../../src/cluster/learner-state.ts';
import { parseNodeId, parseShardId } from '../../../src/protocol/ids.ts';

const FROM = parseNodeId('a');
const shard = parseShardId(0);
const attempt = new Uint8Array(16).fill(1);
const otherAttempt = new Uint8Array(16).fill(2);
const head = { epoch: 5, seq: 40 };
const begin: LearnerRequest = { type: 'begin', attempt, shard, epoch: 5 };
const install: LearnerRequest = { type: 'install', attempt, shard, head, writes: [] };
const finish: LearnerRequest = { type: 'finish', attempt, shard, head, epoch: 6 };
const learning: Copy = { at: 'learning', from: FROM, attempt };
const complete: Copy = { at: 'complete', from: FROM, attempt };
const idle: LearnerFacts = { isMine: false, promised: 5, head };

const effectOf = (
  copy: Copy | undefined,
  request: LearnerRequest,
  facts = idle,
  from = FROM,
): string => stepLearner(copy, from, request, facts).effect;

describe('stepLearner', () => {
  it('starts from nothing with every begin, whatever it had', () => {
    for (const copy of [undefined, learning, complete]) {
      const step = stepLearner(copy, FROM, { ...begin, attempt: otherAttempt }, idle);
      expect(step).to.deep.equal({
        copy: { at: 'learning', from: FROM, attempt: otherAttempt },
        effect: 'restart',
      });
    }
  });

  it('never deletes what it promised in a later epoch: a late begin is refused', () => {
    expect(effectOf(complete, begin, { ...idle, promised: 6 })).to.equal('refuse');
    expect(effectOf(undefined, begin, { ...idle, promised: 6 })).to.equal('refuse');
  });

  it('touches nothing that is its own', () => {
    for (const request of [begin, install, finish])
      expect(effectOf(learning, request, { ...idle, isMine: true })).to.equal('refuse');
  });

  it('installs only what belongs to the copy under way', () => {
    expect(effectOf(learning, install)).to.equal('install');
    expect(effectOf(undefined, install)).to.equal('refuse');
    expect(effectOf(learning, { ...install, attempt: otherAttempt })).to.equal('refuse');
    expect(effectOf(learning, install, idle, parseNodeId('c'))).to.equal('refuse');
    expect(effectOf(complete, install)).to.equal('refuse');
  });

  it('promises only a copy that is complete', () => {
    expect(stepLearner(learning, FROM, finish, idle)).to.deep.equal({
      copy: complete,
      effect: 'promise',
    });
    expect(effectOf(learning, finish, { ...idle, head: { epoch: 5, seq: 39 } })).to.equal('refuse');
    expect(effectOf(learning, finish, { ...idle, head: { epoch: 4, seq: 40 } })).to.equal('refuse');
    expect(effectOf(learning, finish, { ...idle, promised: 7 })).to.equal('refuse');
  });

  it('confirms again when asked again', () => {
    expect(effectOf(complete, finish, { ...idle, promised: 6 })).to.equal('promise');
  });
});

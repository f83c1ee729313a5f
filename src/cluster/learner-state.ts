/** The learner's side of a hand-over, as a pure function: what a message of the owner means for the copy here. */
import type { ShardHead } from '../persist/shard-store.ts';
import { assertNever } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { sameBytes } from '../protocol/same-bytes.ts';
import type { LearnerRequest } from './handover-frames.ts';

/** The copy of one shard that somebody is sending. `complete`: promised, waiting for the map. */
export interface Copy {
  readonly at: 'learning' | 'complete';
  readonly from: NodeId;
  readonly attempt: Uint8Array;
}

/** What holds at this node when the message is handled. */
export interface LearnerFacts {
  /** The shard is served or being taken here, or the map gives it to this node. */
  readonly isMine: boolean;
  readonly promised: number;
  readonly head: ShardHead;
}

/** `restart`: drop what is there. `promise`: fence the shard at the epoch asked for. */
export type LearnerEffect = 'restart' | 'install' | 'promise' | 'refuse';

export interface LearnerStep {
  readonly copy: Copy | undefined;
  readonly effect: LearnerEffect;
}

export function stepLearner(
  copy: Copy | undefined,
  from: NodeId,
  request: LearnerRequest,
  facts: LearnerFacts,
): LearnerStep {
  const refuse: LearnerStep = { copy, effect: 'refuse' };
  // A promise of a later epoch tells that the message is older than a copy that may be the only one, or soon be.
  const isOutdated = request.type !== 'install' && request.epoch < facts.promised;
  if (facts.isMine || isOutdated) return refuse;
  if (request.type === 'begin')
    return { copy: { at: 'learning', from, attempt: request.attempt }, effect: 'restart' };
  if (copy === undefined || copy.from !== from || !sameBytes(copy.attempt, request.attempt))
    return refuse;
  switch (request.type) {
    case 'install':
      return copy.at === 'learning' ? { copy, effect: 'install' } : refuse;
    case 'finish':
      return sameHead(facts.head, request.head)
        ? { copy: { ...copy, at: 'complete' }, effect: 'promise' }
        : refuse;
    default:
      return assertNever(request);
  }
}

function sameHead(left: ShardHead, right: ShardHead): boolean {
  return left.epoch === right.epoch && left.seq === right.seq;
}

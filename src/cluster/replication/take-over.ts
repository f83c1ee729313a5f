/**
 * Decisions of a node that the map names as owner, or that wants to be it, as pure functions (I3).
 *
 * | step | what                                                          | why it is safe to stop after it                   |
 * | ---- | ------------------------------------------------------------- | ------------------------------------------------- |
 * | 1    | swap the map to the next epoch, this node the owner           | nobody serves in it; the old owner may go on       |
 * | 2    | promise it, and have N - W + 1 copies promise it              | the old owner gets no W any more                   |
 * | 3    | the longest of these logs, by (epoch, number), is not here:   | swap again, that node the owner; it begins at 2    |
 * | 4    | bring the others to the log here, until W have all of it      | as 2                                               |
 * | 5    | the marker of the epoch, acknowledged by W                    | what is in the log is acknowledged from now on     |
 * | 6    | serve                                                         |                                                    |
 *
 * Copies count in step 2 if they are whole, or if a whole one among them reaches their floor. An owner that begins a copy
 * counts nothing any more that this replica has; what was acknowledged by then is in its log up to the floor, what was
 * acknowledged in older epochs before its marker, and the replica takes part in no acknowledgement until it is whole again.
 * So a log that reaches the floor has whatever the replica ever helped to acknowledge. Without this rule an owner that
 * crashes could leave one whole copy beside those that it was making, and no take over would ever hear enough.
 */
import type { ShardHead, Standing } from '../../persist/shard-store.ts';
import type { NodeId } from '../../protocol/ids.ts';
import type { ShardAssignment } from '../members.ts';
import { fenceQuorumOf } from './quorum.ts';

/** The epoch that a new cluster begins with: in it a copy may be made from nothing. */
export const FIRST_EPOCH = 1;

/** What one member of the set has, told when it promised the epoch. */
export interface FencedCopy {
  readonly node: NodeId;
  readonly standing: Standing;
  readonly head: ShardHead;
  /** Of one that is not whole: see `ShardStore.floor`. */
  readonly floor: ShardHead | undefined;
}

export interface TakeOverFacts {
  readonly self: NodeId;
  readonly assignment: ShardAssignment;
  /** Of those who promised, this node among them. */
  readonly fenced: readonly FencedCopy[];
}

export type TakeOverVerdict =
  /** Too few copies that count have promised the epoch. */
  | { readonly type: 'wait' }
  /** That node has a longer log, or this one none to trust. */
  | { readonly type: 'yield'; readonly to: NodeId }
  | { readonly type: 'lead' };

/** A copy that is not whole has forgotten what it acknowledged: where no log is known to have it, its node counts as down. */
export function judgeTakeOver({ self, assignment, fenced }: TakeOverFacts): TakeOverVerdict {
  const { replicas, epoch } = assignment;
  const whole = fenced.filter(({ standing }) => standing === 'whole');
  const isFresh = epoch === FIRST_EPOCH && replicas.length === 1;
  if (isFresh && whole.length === 0) return { type: 'lead' };
  const [first] = whole;
  if (first === undefined) return { type: 'wait' };
  const longest = whole.reduce(
    (best, copy) => (isLonger(copy.head, best.head) ? copy : best),
    first,
  );
  const replaced = fenced.filter(
    ({ standing, floor }) =>
      standing !== 'whole' && floor !== undefined && !isLonger(floor, longest.head),
  );
  if (whole.length + replaced.length < fenceQuorumOf(replicas.length)) return { type: 'wait' };
  const own = whole.find(({ node }) => node === self);
  if (own !== undefined && !isLonger(longest.head, own.head)) return { type: 'lead' };
  return { type: 'yield', to: longest.node };
}

/** Logs compare by the epoch of their last commit, then by its number. */
export function isLonger(left: ShardHead, right: ShardHead): boolean {
  return left.epoch > right.epoch || (left.epoch === right.epoch && left.seq > right.seq);
}

export interface ClaimFacts {
  readonly self: NodeId;
  /** What the store here has promised for the shard. */
  readonly promised: number;
  /** Of the copy here. */
  readonly standing: Standing;
  /** The epoch of the newest commit here. */
  readonly headEpoch: number;
  /** The epoch that this life of the node has claimed already. */
  readonly claimed: number | undefined;
  /** By lease: surely no owner of anything, and not coming back soon. */
  readonly isDead: (node: NodeId) => boolean;
}

/**
 * Whether this life of the owner may begin to serve in the epoch that the map has: nobody can have used it before (O2).
 * With other replicas a promise shows that it may have been used: a commit of it may be there and not here.
 */
export function mayServeIn(assignment: ShardAssignment, facts: ClaimFacts): boolean {
  const { epoch, replicas } = assignment;
  const { promised, headEpoch, claimed } = facts;
  if (promised > epoch || losesItsPair(assignment, facts)) return false;
  if (claimed === epoch) return true;
  return replicas.length === 1 ? headEpoch < epoch : promised < epoch;
}

/**
 * The assignment to swap to. Of a set of two whose other member is dead by its lease, that one is left out: whatever two
 * of two acknowledged is in the whole copy here. A set of three goes on unchanged, with two of it.
 */
export function nextClaim(
  assignment: ShardAssignment,
  facts: ClaimFacts,
  seenEpoch: number,
): ShardAssignment {
  const { self, promised } = facts;
  const epoch = Math.max(assignment.epoch, promised, seenEpoch) + 1;
  const replicas = losesItsPair(assignment, facts) ? [self] : assignment.replicas;
  return { epoch, owner: self, replicas };
}

function losesItsPair({ replicas }: ShardAssignment, facts: ClaimFacts): boolean {
  const { self, isDead, standing } = facts;
  if (standing !== 'whole') return false;
  const [other] = replicas.filter((node) => node !== self);
  return replicas.length === 2 && other !== undefined && isDead(other);
}

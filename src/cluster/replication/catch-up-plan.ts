/** What a replica lacks and how it gets it, as a pure function of its answer and the log here (I4). */
import type { ShardHead, Standing } from '../../persist/shard-store.ts';
import { JOURNAL_HELD_MAX } from '../../protocol/limits.ts';
import { lastCommon } from './epoch-runs.ts';
import type { EpochAt, EpochRun } from './epoch-runs.ts';

/** A replica's answer to `status`. */
export interface CopyStatus {
  readonly promised: number;
  readonly standing: Standing;
  readonly head: ShardHead;
  readonly floor: ShardHead | undefined;
  readonly runs: readonly EpochRun[];
}

/** `follow`: it is a prefix; it needs what came after. `rollBack`: its tail is not ours. `copy`: it starts from nothing. */
export type CatchUpPlan =
  | { readonly type: 'follow'; readonly from: ShardHead }
  | { readonly type: 'rollBack'; readonly from: ShardHead; readonly to: number }
  | { readonly type: 'copy' };

export interface OwnLog {
  readonly head: ShardHead;
  readonly epochAt: EpochAt;
}

export function planCatchUp(own: OwnLog, copy: CopyStatus): CatchUpPlan {
  // What was never written is a prefix of every log; a copy that was dropped starts like that, too.
  if (copy.standing === 'partial' || copy.standing === 'dropping') return { type: 'copy' };
  const { seq } = copy.head;
  const isPrefix = seq <= own.head.seq && own.epochAt(seq) === copy.head.epoch;
  if (isPrefix)
    return own.head.seq - seq > JOURNAL_HELD_MAX
      ? { type: 'copy' }
      : { type: 'follow', from: copy.head };
  const common = lastCommon(own, copy.runs, seq);
  return common === undefined
    ? { type: 'copy' }
    : { type: 'rollBack', from: copy.head, to: common };
}

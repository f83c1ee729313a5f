/**
 * Where two logs part. A log is described by its runs: the commits of one epoch stand together, and epochs only grow.
 * An epoch has one owner, who numbers its commits once; so two logs that have the same epoch at the same number are the
 * same up to there.
 */
import { EPOCH_RUNS_MAX } from '../../protocol/limits.ts';
import type { ShardHead } from '../../persist/shard-store.ts';

/** Commits `from` and later, up to the next run, are of `epoch`. */
export interface EpochRun {
  readonly epoch: number;
  readonly from: number;
}

/** The epoch of a commit, as far as head and journal know; `ShardStore.epochAt` of one shard. */
export type EpochAt = (seq: number) => number | undefined;

/** The newest EPOCH_RUNS_MAX runs of a log, oldest first, as far back as it knows the epochs. */
export function epochRuns(head: ShardHead, epochAt: EpochAt): readonly EpochRun[] {
  const runs: EpochRun[] = [];
  let { epoch, seq } = head;
  while (runs.length < EPOCH_RUNS_MAX) {
    const from = firstOf(epoch, seq, epochAt);
    runs.unshift({ epoch, from });
    const before = from === 0 ? undefined : epochAt(from - 1);
    if (before === undefined) break;
    epoch = before;
    seq = from - 1;
  }
  return runs;
}

/** The first commit of the run of `epoch` that ends at `last`, by halving: known epochs only grow. */
function firstOf(epoch: number, last: number, epochAt: EpochAt): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (epochAt(middle) === epoch) high = middle;
    else low = middle + 1;
  }
  return high;
}

/**
 * The newest commit that the log here (`epochAt`, up to `head`) and the one described by `runs` up to `end` have in
 * common; undefined when it is older than what they know.
 */
export function lastCommon(
  here: { readonly head: ShardHead; readonly epochAt: EpochAt },
  runs: readonly EpochRun[],
  end: number,
): number | undefined {
  let to = end;
  for (const { epoch, from } of runs.toReversed()) {
    const common = lastOfEpoch(here, epoch, { from, to: Math.min(to, here.head.seq) });
    if (common !== undefined) return common;
    to = from - 1;
  }
  return undefined;
}

/** The newest commit of `epoch` here between two numbers, by halving. */
function lastOfEpoch(
  { epochAt }: { readonly epochAt: EpochAt },
  epoch: number,
  { from, to }: { readonly from: number; readonly to: number },
): number | undefined {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    // What is older than the journal here is taken as of an older epoch.
    if ((epochAt(middle) ?? 0) <= epoch) low = middle;
    else high = middle - 1;
  }
  return low <= high && epochAt(low) === epoch ? low : undefined;
}

/** What a replica needs to become a copy of a shard: pages of everything, or what changed since it was one. */
import type { ShardId } from '../protocol/ids.ts';
import { STORE_RANGE_MAX } from '../protocol/limits.ts';
import type { Environment } from './environment.ts';
import { FIRST_KEY, dataArea } from './physical-keys.ts';
import { moved } from './commit-checks.ts';
import { epochOf, keysTouchedSince } from './shard-journal.ts';
import type { ShardState } from './shard-state.ts';
import type { CommitPlace, Delta, SnapshotPage, StoreKey } from './shard-store.ts';

/** At most `limit` (and STORE_RANGE_MAX) keys from `from` on. */
export function snapshotPageOf(
  environment: Environment,
  shard: ShardId,
  from: StoreKey = FIRST_KEY,
  limit: number = STORE_RANGE_MAX,
): SnapshotPage {
  const size = Math.max(1, Math.min(limit, STORE_RANGE_MAX));
  // One more than the page holds: it tells whether there is a next page, and where it begins.
  const pairs = environment.range(
    { area: dataArea(shard), from, to: undefined },
    { limit: size + 1 },
  );
  return {
    writes: pairs.slice(0, size).map(([key, value]) => ({ key, value })),
    next: pairs[size]?.[0],
  };
}

/** The keys touched after `seq` with their values of now; undefined when the journal does not reach back that far. */
export function deltaSince(
  environment: Environment,
  state: ShardState,
  seq: number,
): Delta | undefined {
  const touched = keysTouchedSince(environment, state, seq);
  if (touched === undefined) return undefined;
  const area = dataArea(state.shard);
  const writes = Array.from(touched, (key) => ({ key, value: environment.get(area, key) }));
  return { head: state.head, writes };
}

/** Whether the owner's commit is here already; false: it comes next. @throws E_MOVED: it is another one, or a gap */
export function isPresent(
  environment: Environment,
  state: ShardState,
  place: CommitPlace,
): boolean {
  const { shard, head } = state;
  const { epoch, seq, before } = place;
  if (seq <= head.seq) {
    if (epochOf(environment, state, seq) === epoch) return true;
    throw moved(`commit ${seq} of shard ${shard} is another one here, or too old to tell`);
  }
  if (seq === head.seq + 1 && before === head.epoch) return false;
  throw moved(`shard ${shard} is at ${head.epoch}/${head.seq}, not before ${before}/${seq}`);
}

/** What the group knows of each device that sends to it; read from the store when first needed. */
import type { DeviceId, UserId } from '../../protocol/ids.ts';
import { PAIRS_CACHED_MAX } from '../../protocol/limits.ts';
import type { PairRecord } from './records.ts';
import type { GroupState, Pair } from './state.ts';

const NO_TAG = new Uint8Array(16);

export function pairKey(sender: UserId, device: DeviceId): string {
  return `${sender}/${device}`;
}

/** Takes what was read from the store; what is in memory already is newer. */
export function admitPairs(state: GroupState, records: readonly PairRecord[]): void {
  for (const record of records) {
    const key = pairKey(record.sender, record.device);
    if (!state.pairs.has(key)) state.pairs.set(key, { record, commit: 0 });
  }
}

/** The pair in memory; one that neither memory nor store knows starts at counter 0. */
export function pairOf(state: GroupState, sender: UserId, device: DeviceId): Pair {
  const key = pairKey(sender, device);
  const known = state.pairs.get(key);
  if (known !== undefined) return known;
  const record = { sender, device, counter: 0, tag: NO_TAG, seq: 0, at: 0 };
  const fresh: Pair = { record, commit: 0 };
  state.pairs.set(key, fresh);
  return fresh;
}

/** Drops what the store holds as well, oldest first, until at most PAIRS_CACHED_MAX are left. */
export function trimPairs({ pairs, commits }: GroupState): void {
  if (pairs.size <= PAIRS_CACHED_MAX) return;
  for (const [key, pair] of pairs) {
    if (pair.commit > commits.done) continue;
    pairs.delete(key);
    if (pairs.size <= PAIRS_CACHED_MAX) return;
  }
}

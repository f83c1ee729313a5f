/** A digest of everything in a copy, to compare replicas by. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../ops/clock.ts';
import type { ShardHead, ShardStore } from '../../persist/shard-store.ts';
import type { ShardId } from '../../protocol/ids.ts';
import { STORE_RANGE_MAX } from '../../protocol/limits.ts';

/** A page a turn, so that the event loop stays free. Undefined when the copy was not whole at `head` all the while. */
export async function digestOf(
  { store, clock }: { readonly store: ShardStore; readonly clock: Clock },
  shard: ShardId,
  head: ShardHead,
): Promise<Uint8Array | undefined> {
  const hash = createHash('sha256');
  let from: Uint8Array | undefined;
  do {
    if (!isAt(store, shard, head)) return undefined;
    const page = store.snapshotPage(shard, from, STORE_RANGE_MAX);
    for (const { key, value = new Uint8Array(0) } of page.writes) {
      hash.update(Uint32Array.of(key.length, value.length));
      hash.update(key);
      hash.update(value);
    }
    from = page.next;
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
  } while (from !== undefined);
  return isAt(store, shard, head) ? hash.digest() : undefined;
}

function isAt(store: ShardStore, shard: ShardId, { epoch, seq }: ShardHead): boolean {
  const head = store.head(shard);
  return store.standing(shard) === 'whole' && head.epoch === epoch && head.seq === seq;
}

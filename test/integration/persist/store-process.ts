/**
 * A process that commits for ever and prints each sequence number once it is acknowledged; FAILED when the store ends,
 * REFUSED when it does not open.
 */
import { systemClock } from '../../../src/ops/clock.ts';
import { storeKey } from '../../../src/persist/keys.ts';
import { openLmdbShardStore } from '../../../src/persist/lmdb-shard-store.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';

const COMMITS_PER_TURN = 20;
const shard = parseShardId(1);

process.on('unhandledRejection', (cause) => {
  process.stdout.write(`UNHANDLED ${String(cause)}\n`);
});

const store = await openLmdbShardStore({
  directory: process.argv[2] ?? '',
  clock: systemClock,
  limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
  onFailure: (error) => {
    process.stdout.write(`FAILED ${error.code}\n`);
  },
}).catch((cause: unknown) => {
  process.stdout.write(`REFUSED ${String((cause as { readonly code?: string }).code)}\n`);
  process.exit(1);
});

/** @returns whether the store took it */
async function commitOne(): Promise<boolean> {
  try {
    const value = new Uint8Array(1200);
    const seq = await store.commit(shard, 1, [{ key: storeKey(store.head(shard).seq + 1), value }]);
    process.stdout.write(`${seq}\n`);
    return true;
  } catch {
    // The failure was told to onFailure.
    return false;
  }
}

let going = true;
while (going) {
  const taken = await Promise.all(Array.from({ length: COMMITS_PER_TURN }, commitOne));
  going = !taken.includes(false);
}
await store.close();

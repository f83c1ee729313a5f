/** What the nodes' stores hold, read beside the running nodes. */
import { join } from 'node:path';
import { open } from 'lmdb';
import type { World } from './world.ts';

/** See `src/persist/physical-keys.ts`: the first byte of a key that holds state, not the journal of its changes. */
const DATA_KIND = 1;

/**
 * Bytes of all keys and values that hold state, of all nodes. Journals do not count: they keep the last commits of a shard,
 * whatever those were, and grow no further.
 */
export async function storedBytes({ cluster }: World): Promise<number> {
  let sum = 0;
  for (const [index] of cluster.nodes.entries()) {
    const path = join(cluster.dataDir, `n${index + 1}`, 'store');
    const encoding = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const store = open<Buffer, Buffer>({ path, noSubdir: false, readOnly: true, ...encoding });
    for (const { key, value } of store.getRange())
      if (key[0] === DATA_KIND) sum += key.length + value.length;
    await store.close();
  }
  return sum;
}

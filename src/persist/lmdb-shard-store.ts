/** The shard store of a node: on LMDB, with the machine's answer to how full the disk is. */
import type { Clock } from '../ops/clock.ts';
import type { ShardId } from '../protocol/ids.ts';
import type { OnFailure } from './environment.ts';
import { openShardStore } from './environment-shard-store.ts';
import { diskFreeSpace } from './free-space.ts';
import type { FreeSpace, SpaceLimits } from './free-space.ts';
import { openLoggedEnvironment } from './lmdb-environment.ts';
import type { ShardStore } from './shard-store.ts';

export interface LmdbShardStoreOptions {
  /** Made when missing. The caller holds the lock of the data directory it lies in. */
  readonly directory: string;
  readonly clock: Clock;
  readonly limits: SpaceLimits;
  /** Told once, with E_IO: the process must log it and end without touching the store again. */
  readonly onFailure: OnFailure;
  /** Told of every turn when it is durable, with the time that took. */
  readonly onFlush?: ((ms: number) => void) | undefined;
  readonly freeSpace?: FreeSpace;
  /** The oldest commit after which the journal must stay whole, while a hand-over runs. */
  readonly journalFloor?: (shard: ShardId) => number | undefined;
}

/** @throws E_IO (damaged or unreadable), E_VERSION (written by another version) */
export async function openLmdbShardStore(options: LmdbShardStoreOptions): Promise<ShardStore> {
  const { directory, freeSpace = diskFreeSpace } = options;
  const environment = await openLoggedEnvironment(options);
  return openShardStore({ ...options, environment, space: () => freeSpace(directory) });
}

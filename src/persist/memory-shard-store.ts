/** The simulated twin of the node's store: the same code over a MemoryDisk, which outlives simulated crashes. */
import type { Clock } from '../ops/clock.ts';
import type { ShardId } from '../protocol/ids.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import type { OnFailure } from './environment.ts';
import { openShardStore } from './environment-shard-store.ts';
import type { SpaceLimits } from './free-space.ts';
import { createMemoryEnvironment } from './memory-disk.ts';
import type { MemoryDisk } from './memory-disk.ts';
import type { ShardStore } from './shard-store.ts';

export interface MemoryShardStoreOptions {
  readonly clock: Clock;
  readonly disk: MemoryDisk;
  readonly flushDelayMs: () => number;
  readonly limits?: SpaceLimits;
  readonly onFailure?: OnFailure;
  readonly journalFloor?: (shard: ShardId) => number | undefined;
  /** A planted bug, for the simulator's own tests: acknowledges before the disk has it. */
  readonly resolveBeforeFlush?: boolean;
  /** A planted bug, for the simulator's own tests: takes writes of fenced epochs. */
  readonly ignoreEpoch?: boolean;
}

/** Opens a store on what `disk` holds. After `disk.crash()` the store is dead; open another one on the same disk. */
export async function createMemoryShardStore(
  options: MemoryShardStoreOptions,
): Promise<ShardStore> {
  const { disk, limits = DEFAULT_LIMITS, onFailure = ignore } = options;
  const environment = createMemoryEnvironment({ ...options, onFailure });
  return openShardStore({ ...options, environment, limits, space: () => disk.space });
}

function ignore(): void {}

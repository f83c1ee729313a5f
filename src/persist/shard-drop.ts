/** Removes a shard in slices, so that the event loop stays free; an interrupted drop is noticed when the store opens. */
import { DROP_SLICE_KEYS } from '../protocol/limits.ts';
import type { Area, Environment } from './environment.ts';
import { FIRST_KEY, dataArea, journalArea } from './physical-keys.ts';
import { resetShardState, writeHead } from './shard-state.ts';
import type { ShardState } from './shard-state.ts';
import type { ShardHead } from './shard-store.ts';

/**
 * From its first turn on the shard shows nothing and takes nothing. Resolves when everything but its promise is gone; with
 * a floor an empty partial copy is left.
 */
export async function dropShard(
  environment: Environment,
  state: ShardState,
  floor: ShardHead | undefined,
): Promise<void> {
  state.floor = floor;
  resetShardState(state, 'dropping');
  writeHead(environment, state);
  await clearArea(environment, dataArea(state.shard));
  await clearArea(environment, journalArea(state.shard));
  resetShardState(state, state.floor === undefined ? 'absent' : 'partial');
  writeHead(environment, state);
  await environment.flushed(undefined);
}

async function clearArea(environment: Environment, area: Area): Promise<void> {
  const keys = { area, from: FIRST_KEY, to: undefined };
  for (;;) {
    const slice = environment.range(keys, { limit: DROP_SLICE_KEYS, keysOnly: true });
    if (slice.length === 0) return;
    for (const [key] of slice) environment.write(area, key, undefined);
    await environment.flushed(undefined);
  }
}

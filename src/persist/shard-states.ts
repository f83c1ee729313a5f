/** The states of all shards of a store, and which of them may be read or written. */
import type { ShardId } from '../protocol/ids.ts';
import { moved } from './commit-checks.ts';
import type { Environment } from './environment.ts';
import { loadShardStates, newShardState } from './shard-state.ts';
import type { ShardState } from './shard-state.ts';
import type { Standing } from './shard-store.ts';

export class ShardStates {
  readonly #environment: Environment;
  readonly #states: Map<ShardId, ShardState>;

  /** Reads every head and promise from the disk. */
  constructor(environment: Environment) {
    this.#environment = environment;
    this.#states = loadShardStates(environment);
  }

  /** @throws E_IO once the environment has failed or is closed */
  of(shard: ShardId): ShardState {
    this.#environment.assertOpen();
    let state = this.#states.get(shard);
    if (state === undefined) this.#states.set(shard, (state = newShardState(shard)));
    return state;
  }

  in(...standings: readonly Standing[]): readonly ShardState[] {
    this.#environment.assertOpen();
    return [...this.#states.values()].filter(({ standing }) => standings.includes(standing));
  }

  isShown(shard: ShardId): boolean {
    return this.of(shard).standing === 'whole';
  }

  /** Whole, or about to be written for the first time. @throws E_MOVED */
  writable(shard: ShardId): ShardState {
    const state = this.present(shard);
    if (state.standing === 'partial') throw moved(`the copy of shard ${shard} here is not whole`);
    return state;
  }

  /** Not being removed. @throws E_MOVED */
  present(shard: ShardId): ShardState {
    const state = this.of(shard);
    if (state.standing === 'dropping') throw moved(`shard ${shard} is being removed here`);
    return state;
  }
}

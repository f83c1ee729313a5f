/** One follower of one shard, and whether it is still to be brought up to date. */
import type { Follower } from './follower.ts';
import type { Tenure } from './tenure.ts';

export interface Pursuit {
  readonly tenure: Tenure;
  readonly follower: Follower;
}

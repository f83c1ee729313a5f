/**
 * How many replicas it takes. Any W replicas and any N - W + 1 replicas of one set of N have a member in common: so a
 * take over, which asks N - W + 1, meets somebody who has whatever W replicas acknowledged (I2, I3).
 */

/** W: how many replicas must have flushed a commit before it is acknowledged. 1 of 1, 2 of 2, 2 of 3. */
export function majorityOf(replicas: number): number {
  return Math.floor(replicas / 2) + 1;
}

/** N - W + 1: how many whole replicas must have promised an epoch before its owner goes on. */
export function fenceQuorumOf(replicas: number): number {
  return replicas - majorityOf(replicas) + 1;
}

/** The newest commit that at least `quorum` of the replicas have flushed; `flushed` has one number for each of them. */
export function reachedBy(flushed: readonly number[], quorum: number): number {
  return flushed.toSorted((left, right) => right - left)[quorum - 1] ?? 0;
}

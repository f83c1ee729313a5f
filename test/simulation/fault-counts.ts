/** Kinds of faults, and how many of each a storm has. */

/** How often each kind of fault happens in one storm. */
export interface FaultCounts {
  /** `kill -9` of a node, and a start later. */
  readonly nodeCrashes: number;
  /** `kill -9` of every node in one instant. */
  readonly blackouts: number;
  /** SIGSTOP and SIGCONT of a node. */
  readonly pauses: number;
  /** Cuts between nodes: one way, both ways, a whole node; with or without the coordinator. */
  readonly cuts: number;
  /** Cuts between a client and a gate. */
  readonly clientCuts: number;
  /** A node that reaches neither the others nor the coordinator, for longer than its lease; its clients reach it. */
  readonly isolations: number;
  /** A node that does not reach the coordinator, but everybody else. */
  readonly lostCoordinators: number;
  /** A disk that takes up to two seconds for a flush. */
  readonly slowDisks: number;
  /** A node told to leave; it comes back. */
  readonly drains: number;
  /** A node's store put back to an older copy. */
  readonly nodeRestores: number;
  readonly clientCrashes: number;
  /** A device whose disk is put back to an older state. */
  readonly restores: number;
}

/** Nothing goes wrong; to be added to. */
export const NO_FAULTS: FaultCounts = {
  nodeCrashes: 0,
  blackouts: 0,
  pauses: 0,
  cuts: 0,
  isolations: 0,
  clientCuts: 0,
  lostCoordinators: 0,
  slowDisks: 0,
  drains: 0,
  nodeRestores: 0,
  clientCrashes: 0,
  restores: 0,
};

/** What a storm has unless a test says otherwise. */
export const USUAL_FAULTS: FaultCounts = {
  nodeCrashes: 2,
  blackouts: 0,
  pauses: 1,
  cuts: 2,
  isolations: 1,
  clientCuts: 2,
  lostCoordinators: 1,
  slowDisks: 1,
  drains: 1,
  nodeRestores: 1,
  clientCrashes: 3,
  restores: 1,
};

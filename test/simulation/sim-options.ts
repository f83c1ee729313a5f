/** What is asked of a simulated world, and what comes of it. */
import type { Random } from '../../src/ops/random.ts';
import type { EventLog } from './event-log.ts';
import { USUAL_FAULTS } from './fault-counts.ts';
import type { FaultCounts } from './fault-counts.ts';
import type { NodeBugs } from './sim-node.ts';

/** Mistakes at the clients that the simulator must notice, beside those of the nodes. */
export interface SimBugs extends NodeBugs {
  /** A client's store says "flushed" before it is. */
  readonly deliverTwice?: boolean;
  /** A restored device store keeps its counters and is not noticed. */
  readonly reuseCounters?: boolean;
}

export interface SimOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly users?: number;
  readonly messagesPerUser?: number;
  readonly shards?: number;
  /** Copies of every shard. */
  readonly replicas?: number;
  readonly lossRatio?: number;
  readonly duplicateRatio?: number;
  /** `own`: an entity of its own, like etcd. `embedded`: at the first node. Default: drawn from the seed. */
  readonly coordinator?: 'own' | 'embedded';
  /** A node that joins while messages flow, so that shards move. */
  readonly joiner?: boolean;
  /** Made before the storm; half of the messages go to them. */
  readonly groups?: number;
  /** How often somebody changes who is in a group, or its name. */
  readonly groupChanges?: number;
  /** Whether entries pushed to who is no member are violations: only where nothing that a node is told is lost. */
  readonly strictPushes?: boolean;
  readonly faults?: Partial<FaultCounts>;
  readonly bugs?: SimBugs;
}

export interface SimResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly log: EventLog;
  /** How many of each kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly virtualMs: number;
}

/** Everything said. */
export type Settled = Required<Omit<SimOptions, 'faults'>> & { readonly faults: FaultCounts };

/** What was left open is usual, or drawn. */
export function settle(options: SimOptions, random: Random): Settled {
  const drawn = random.fraction() < 0.5 ? 'own' : 'embedded';
  return {
    nodes: 3,
    users: 24,
    messagesPerUser: 10,
    shards: 8,
    replicas: 3,
    lossRatio: 0.02,
    duplicateRatio: 0.02,
    coordinator: drawn,
    joiner: true,
    groups: 0,
    groupChanges: 0,
    strictPushes: false,
    bugs: {},
    ...options,
    faults: { ...USUAL_FAULTS, blackouts: random.fraction() < 0.3 ? 1 : 0, ...options.faults },
  };
}

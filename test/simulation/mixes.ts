/** Which world a seed makes: what `npm run sim` runs, and what shows each planted bug soonest. */
import { NO_FAULTS } from './fault-counts.ts';
import type { SimBugs, SimOptions } from './sim-options.ts';

/** Few users who write to each other often: as many faults in a fraction of the work, and an order to keep in every pair. */
const SMALL = { users: 6, messagesPerUser: 16, shards: 4 };
const LARGE = { users: 100, messagesPerUser: 6, shards: 16 };
/** A few large worlds have the crowds. */
const LARGE_EVERY = 100;

/** Groups in every so-manieth world. */
const GROUPS_EVERY = 4;
const GROUPS = { groups: 2, groupChanges: 24 };

/** The world of one seed of the usual run. */
export function usualWorld(seed: number): SimOptions {
  if (seed % LARGE_EVERY === 0) return { seed, ...LARGE };
  return seed % GROUPS_EVERY === 1 ? groupWorld(seed) : { seed, ...SMALL };
}

/** Half of what is said goes to groups, whose members change all the time. */
export function groupWorld(seed: number): SimOptions {
  return { seed, ...SMALL, ...GROUPS };
}

/** A mistake, and a world in which it shows. */
export interface Planted {
  readonly says: string;
  readonly bugs: SimBugs;
  readonly world: Omit<SimOptions, 'seed' | 'bugs'>;
}

const calm = { lossRatio: 0, duplicateRatio: 0, faults: NO_FAULTS, joiner: false } as const;
const nodes = { ...calm, users: 10, messagesPerUser: 16, shards: 4, coordinator: 'own' } as const;
const clients = { ...calm, users: 5, messagesPerUser: 60, shards: 4 } as const;
const groups = { ...calm, users: 6, messagesPerUser: 30, shards: 4, groups: 2, groupChanges: 60 };
const harsh = { ...NO_FAULTS, nodeCrashes: 6, cuts: 6, pauses: 4, slowDisks: 3 };

/** By the name of the bug. */
export const PLANTED: Readonly<Record<string, Planted>> = {
  acknowledgeAfterOne: {
    says: 'acknowledge after one copy',
    bugs: { acknowledgeAfterOne: true },
    world: { ...nodes, faults: harsh },
  },
  readBeyondAcknowledged: {
    says: 'read or push beyond the acknowledged head',
    bugs: { readBeyondAcknowledged: true },
    world: { ...nodes, faults: { ...NO_FAULTS, isolations: 6, slowDisks: 3 } },
  },
  ignoreEpoch: {
    says: 'a replica ignores the epoch',
    bugs: { ignoreEpoch: true },
    world: { ...nodes, faults: { ...NO_FAULTS, pauses: 6, cuts: 8, lostCoordinators: 4 } },
  },
  takeOverWithoutFence: {
    says: 'a take over without the fence',
    bugs: { takeOverWithoutFence: true },
    world: { ...nodes, faults: harsh },
  },
  adoptShorterLog: {
    says: 'a take over adopts the shorter log',
    bugs: { adoptShorterLog: true },
    world: { ...nodes, faults: { ...harsh, isolations: 3 } },
  },
  acknowledgeBeforeFlush: {
    says: 'acknowledge before the flush',
    bugs: { acknowledgeBeforeFlush: true },
    world: { ...nodes, messagesPerUser: 30, faults: { ...NO_FAULTS, blackouts: 8, slowDisks: 10 } },
  },
  dedupeByTime: {
    says: 'recognise duplicates within a window of time only',
    bugs: { dedupeWindowMs: 1000 },
    world: { ...nodes, faults: { ...NO_FAULTS, nodeCrashes: 4, clientCrashes: 10 } },
  },
  takesOldKeys: {
    says: 'a group takes messages under keys that are no longer in use',
    bugs: { takesOldKeys: true },
    world: { ...groups, faults: NO_FAULTS },
  },
  pushesToFormer: {
    says: 'a group goes on pushing to whoever was put out',
    bugs: { pushesToFormer: true },
    world: { ...groups, strictPushes: true },
  },
  deliverTwice: {
    says: 'a client forgets what it has shown',
    bugs: { deliverTwice: true },
    world: { ...clients, faults: { ...NO_FAULTS, clientCrashes: 40 } },
  },
  reuseCounters: {
    says: 'a client that was put back uses its counters again',
    bugs: { reuseCounters: true },
    world: { ...clients, faults: { ...NO_FAULTS, restores: 6 } },
  },
};

/** The world of one seed with the bug; `isHealthy`: the same without it. @throws for a bug that is not planted */
export function plantedWorld(bug: string, seed: number, isHealthy = false): SimOptions {
  const planted = PLANTED[bug];
  if (planted === undefined)
    throw new Error(`no such bug; there are ${Object.keys(PLANTED).join(' ')}`);
  return { ...planted.world, seed, ...(!isHealthy && { bugs: planted.bugs }) };
}

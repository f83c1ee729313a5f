/**
 * A few seeds of the whole system with every `npm test`; `npm run sim -- --seeds 10000` runs many. Each planted bug must
 * be noticed: these tests fail when the simulator stops noticing.
 */
import { expect } from 'chai';
import { NO_FAULTS } from './faults.ts';
import { simulate } from './world.ts';
import type { SimBugs, SimOptions, SimResult } from './world.ts';

/** Seeds that once found a mistake; they stay. */
const REGRESSIONS = [3, 10, 15, 1136];

function explain({ seed, violations }: SimResult): string {
  return `seed ${seed} (FASTCHAT_SEED=${seed} npm run sim replays it):\n${violations.join('\n')}`;
}

/** Tries seeds until one run shows a violation. */
async function firstViolation(
  options: Omit<SimOptions, 'seed'>,
  seeds: number,
): Promise<SimResult | undefined> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = await simulate({ ...options, seed });
    if (result.violations.length > 0) return result;
  }
  return undefined;
}

describe('simulation: a cluster and its users, with everything going wrong', function () {
  this.timeout(120_000);

  const small = { users: 12, messagesPerUser: 10, shards: 4 };

  for (const seed of REGRESSIONS)
    it(`displays what was acknowledged exactly once and in order, and heals (seed ${seed})`, async () => {
      const result = await simulate({ ...small, seed });
      expect(result.violations, explain(result)).to.deep.equal([]);
      expect(result.log.counts.acknowledged, 'something happened').to.be.above(80);
      expect(result.faults, 'something went wrong').to.be.above(10);
    });

  it('holds for a crowd', async () => {
    const result = await simulate({ seed: 1, users: 60, messagesPerUser: 6, shards: 8 });
    expect(result.violations, explain(result)).to.deep.equal([]);
    expect(result.log.counts.acknowledged, 'something happened').to.be.above(300);
  });

  it('gives the same event log for the same seed, and another one for another', async () => {
    const [first, again, other] = [
      await simulate({ ...small, seed: 7 }),
      await simulate({ ...small, seed: 7 }),
      await simulate({ ...small, seed: 8 }),
    ];
    expect(again.log.lines).to.deep.equal(first.log.lines);
    expect(other.log.lines).to.not.deep.equal(first.log.lines);
  });
});

/** One more mistake, to act on what is not acknowledged, is noticed by the storms of test/unit/cluster/replication. */
describe('simulation: planted bugs are noticed', function () {
  this.timeout(240_000);

  const calm = { lossRatio: 0, duplicateRatio: 0, faults: NO_FAULTS, joiner: false } as const;
  const nodes = { ...calm, users: 10, messagesPerUser: 16, shards: 4, coordinator: 'own' } as const;
  const clients = { ...calm, users: 5, messagesPerUser: 60, shards: 4 };
  const harsh = { ...NO_FAULTS, nodeCrashes: 6, cuts: 6, pauses: 4, slowDisks: 3 };

  const planted: ReadonlyArray<readonly [bugs: SimBugs, options: Omit<SimOptions, 'seed'>]> = [
    [{ acknowledgeAfterOne: true }, { ...nodes, faults: harsh }],
    [
      { ignoreEpoch: true },
      { ...nodes, faults: { ...NO_FAULTS, pauses: 6, cuts: 8, lostCoordinators: 4 } },
    ],
    [{ takeOverWithoutFence: true }, { ...nodes, faults: harsh }],
    [{ adoptShorterLog: true }, { ...nodes, faults: harsh }],
    [
      { acknowledgeBeforeFlush: true },
      { ...nodes, faults: { ...NO_FAULTS, blackouts: 5, slowDisks: 8 } },
    ],
    [{ deliverTwice: true }, { ...clients, faults: { ...NO_FAULTS, clientCrashes: 40 } }],
    [{ reuseCounters: true }, { ...clients, faults: { ...NO_FAULTS, restores: 6 } }],
  ];

  for (const [bugs, options] of planted) {
    const [name] = Object.keys(bugs);

    it(`notices: ${name}`, async () => {
      const found = await firstViolation({ ...options, bugs }, 20);
      expect(found, `20 seeds did not show the planted bug “${name}”`).to.not.equal(undefined);
      const healthy = await simulate({ ...options, seed: found?.seed ?? 1 });
      expect(healthy.violations, explain(healthy)).to.deep.equal([]);
    });
  }
});

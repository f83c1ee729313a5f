/**
 * A few seeds of the whole system with every `npm test`; `npm run sim -- --seeds 1000` runs many. Each planted bug must be
 * noticed: these tests fail when the simulator stops noticing.
 */
import { expect } from 'chai';
import { simulate } from './world.ts';
import type { SimOptions, SimResult } from './world.ts';

const fixed = process.env['FASTCHAT_SEED'];
const SEEDS = fixed === undefined ? [1] : [Number(fixed)];

/** Seeds that once found a mistake; they stay. */
const REGRESSIONS = [10, 15, 1136];

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

describe('simulation: 3 nodes, 100 users, loss, duplication, crashes, a joining node, a restored disk', function () {
  this.timeout(60_000);

  for (const seed of new Set([...SEEDS, ...(fixed === undefined ? REGRESSIONS : [])]))
    it(`displays what was acknowledged exactly once and in order (seed ${seed})`, async () => {
      const result = await simulate({ seed });
      expect(result.violations, explain(result)).to.deep.equal([]);
      expect(result.log.counts.acknowledged, 'something happened').to.be.above(500);
      expect(result.faults, 'something went wrong').to.be.above(5);
    });

  it('gives the same event log for the same seed, and another one for another', async () => {
    const small = { users: 20, messagesPerUser: 4 };
    const [first, again, other] = [
      await simulate({ ...small, seed: 7 }),
      await simulate({ ...small, seed: 7 }),
      await simulate({ ...small, seed: 8 }),
    ];
    expect(again.log.lines).to.deep.equal(first.log.lines);
    expect(other.log.lines).to.not.deep.equal(first.log.lines);
  });
});

describe('simulation: planted bugs are noticed', function () {
  this.timeout(120_000);

  const small = { users: 30, messagesPerUser: 12, lossRatio: 0, duplicateRatio: 0 };
  const planted: ReadonlyArray<readonly [name: string, options: Omit<SimOptions, 'seed'>]> = [
    [
      'acknowledge before flush',
      {
        ...small,
        nodeCrashes: 12,
        clientCrashes: 0,
        restores: 0,
        bugs: { acknowledgeBeforeFlush: true },
      },
    ],
    [
      'deliver twice',
      { ...small, nodeCrashes: 0, clientCrashes: 40, restores: 0, bugs: { deliverTwice: true } },
    ],
    [
      'a restored device store that reuses counters',
      { ...small, nodeCrashes: 0, clientCrashes: 0, restores: 8, bugs: { reuseCounters: true } },
    ],
  ];

  for (const [name, options] of planted) {
    it(`notices: ${name}`, async () => {
      const found = await firstViolation(options, 20);
      expect(found, `20 seeds did not show the planted bug “${name}”`).to.not.equal(undefined);
    });

    it(`finds nothing in the same storm without the bug: ${name}`, async () => {
      const { bugs: _, ...healthy } = options;
      for (const seed of [3, 5]) {
        const result = await simulate({ ...healthy, seed });
        expect(result.violations, explain(result)).to.deep.equal([]);
      }
    });
  }
});

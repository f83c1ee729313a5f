/**
 * A few seeds of the whole system with every `npm test`; `npm run sim -- --seeds 10000` runs many. Each planted bug must
 * be noticed: these tests fail when the simulator stops noticing.
 */
import { expect } from 'chai';
import { PLANTED, groupWorld, plantedWorld, usualWorld } from './mixes.ts';
import { simulate } from './world.ts';
import type { SimResult } from './sim-options.ts';

/** Seeds within which every planted bug shows itself. */
const NOTICED_WITHIN = 40;

/** Seeds that once found a mistake; they stay. */
const REGRESSIONS = [
  3, 10, 15, 93, 177, 397, 526, 646, 708, 1136, 1332, 1497, 1987, 2245, 2253, 4721, 5041, 5935,
];
/** As above, with groups. */
const GROUP_REGRESSIONS = [23, 30, 35, 143, 145];

function explain({ seed, violations }: SimResult): string {
  return `seed ${seed} (FASTCHAT_SEED=${seed} npm run sim replays it):\n${violations.join('\n')}`;
}

/** The first seed that shows a planted bug. */
async function firstViolation(bug: string): Promise<number | undefined> {
  for (let seed = 1; seed <= NOTICED_WITHIN; seed += 1)
    if ((await simulate(plantedWorld(bug, seed))).violations.length > 0) return seed;
  return undefined;
}

describe('simulation: a cluster and its users, with everything going wrong', function () {
  this.timeout(120_000);

  for (const seed of REGRESSIONS)
    it(`displays what was acknowledged exactly once and in order, and heals (seed ${seed})`, async () => {
      const result = await simulate(usualWorld(seed));
      expect(result.violations, explain(result)).to.deep.equal([]);
      expect(result.log.counts.acknowledged, 'something happened').to.be.above(70);
      expect(Object.keys(result.faults).length, 'something went wrong').to.be.above(8);
    });

  for (const seed of GROUP_REGRESSIONS)
    it(`shows members what was said while they were in, and nobody else (seed ${seed})`, async () => {
      const result = await simulate(groupWorld(seed));
      expect(result.violations, explain(result)).to.deep.equal([]);
      expect(result.log.counts.displayed, 'something was shown').to.be.above(80);
      const changes = result.log.lines.filter((line) => line.includes('told done'));
      expect(changes.length, 'members came and went').to.be.above(2);
    });

  it('holds for a crowd', async () => {
    const result = await simulate({ seed: 1, users: 60, messagesPerUser: 6, shards: 8 });
    expect(result.violations, explain(result)).to.deep.equal([]);
    expect(result.log.counts.acknowledged, 'something happened').to.be.above(300);
  });

  it('gives the same event log for the same seed, and another one for another', async () => {
    const [first, again, other] = [
      await simulate(usualWorld(7)),
      await simulate(usualWorld(7)),
      await simulate(usualWorld(8)),
    ];
    expect(again.log.lines).to.deep.equal(first.log.lines);
    expect(other.log.lines).to.not.deep.equal(first.log.lines);
  });
});

describe('simulation: planted bugs are noticed', function () {
  this.timeout(240_000);

  for (const [name, { says }] of Object.entries(PLANTED))
    it(`notices: ${says}`, async () => {
      const found = await firstViolation(name);
      expect(found, `${NOTICED_WITHIN} seeds did not show ${name}`).to.not.equal(undefined);
      const healthy = await simulate(plantedWorld(name, found ?? 1, true));
      expect(healthy.violations, explain(healthy)).to.deep.equal([]);
    });
});

import { expect } from 'chai';
import { ReplicaWorld } from './replica-world.ts';
import type { ReplicaRun } from './replica-world.ts';
import type { WorldBugs } from './replica-node.ts';

/** FASTCHAT_STORMS=1000 runs more seeds, FASTCHAT_SEED=n replays one. */
const FIXED = process.env['FASTCHAT_SEED'];
const RUNS = FIXED === undefined ? Number(process.env['FASTCHAT_STORMS'] ?? 10) : 1;
const FROM = Number(FIXED ?? 1);
/** Seeds within which every planted bug must show itself; whatever changes the order of events changes which. */
const NOTICED_WITHIN = 60;

function tell({ seed, story }: ReplicaRun): string {
  return `seed ${seed}\n${story.join('\n')}`;
}

describe('replication under random faults', () => {
  it('loses nothing acknowledged, has one owner an epoch, and heals', async function () {
    this.timeout(RUNS * 10_000 + 20_000);
    for (let seed = FROM; seed < FROM + RUNS; seed += 1) {
      const run = await new ReplicaWorld({ seed }).run();
      expect(run.violations, tell(run)).to.deep.equal([]);
    }
  });

  it('gives the same story for the same seed', async function () {
    this.timeout(30_000);
    const [one, two] = [
      await new ReplicaWorld({ seed: 7 }).run(),
      await new ReplicaWorld({ seed: 7 }).run(),
    ];
    expect(two.story).to.deep.equal(one.story);
    expect(two.acknowledged).to.equal(one.acknowledged);
  });

  /** Each with a seed that is known to show it soon; from there on the next ones. */
  const planted: ReadonlyArray<readonly [name: string, bugs: WorldBugs, from: number]> = [
    ['acknowledge after one copy', { acknowledgeAfterOne: true }, 2],
    ['read or push beyond the acknowledged head', { readBeyondAcknowledged: true }, 23],
    ['a replica ignores the epoch', { ignoreEpoch: true }, 39],
    ['a take over without the fence', { takeOverWithoutFence: true }, 2],
    ['a take over adopts the shorter log', { adoptShorterLog: true }, 2],
    ['acknowledge before the flush', { acknowledgeBeforeFlush: true }, 28],
  ];

  for (const [name, bugs, from] of planted)
    it(`notices: ${name}`, async function () {
      this.timeout(120_000);
      for (let seed = from; seed < from + NOTICED_WITHIN; seed += 1)
        if ((await new ReplicaWorld({ seed, bugs }).run()).violations.length > 0) return;
      expect.fail(`seeds ${from} to ${from + NOTICED_WITHIN - 1} did not show the planted bug`);
    });
});

import { expect } from 'chai';
import { ReplicaWorld } from './replica-world.ts';

/** Runs in `npm test`; FASTCHAT_STORMS=1000 runs more, FASTCHAT_SEED=n replays one. */
const RUNS = Number(process.env['FASTCHAT_STORMS'] ?? 20);

describe('replication under random faults', () => {
  it('loses nothing acknowledged, has one owner an epoch, and heals', async function () {
    this.timeout(RUNS * 5000 + 20_000);
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const { violations, story } = await new ReplicaWorld({ seed }).run();
      expect(violations, `seed ${seed}\n${story.join('\n')}`).to.deep.equal([]);
    }
  });
});

import { expect } from 'chai';
import { seededRandom } from '../../../src/ops/random.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { runOn } from '../../unit/cluster/support/run-on.ts';
import { TestCluster } from '../../unit/cluster/support/test-cluster.ts';

const NAMES = ['a', 'b', 'c'] as const;
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'].map(parseUserId);
const SHARDS = 6;
const ROUNDS = 12;

function seeds(): readonly number[] {
  const given = process.env['FASTCHAT_SEED'];
  return given === undefined ? Array.from({ length: 6 }, (_, index) => index + 1) : [Number(given)];
}

/** Kills, restarts and cuts off at random moments, many of them while shards move. */
async function shake(world: TestCluster, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.fraction() * from.length)] as T;
  for (let round = 0; round < ROUNDS; round += 1) {
    const node = world.node(pick(NAMES));
    const fault = pick(['kill', 'cut off', 'slow', 'coordinator'] as const);
    if (fault === 'kill' && node.isAlive) {
      node.kill();
      // Joining a and b back and forth keeps shards moving all the time.
      world.clock.after(50 + random.fraction() * 1500, () => void node.start());
    }
    if (fault === 'cut off') {
      world.coordinators.setCutOff(node.id, true);
      world.clock.after(random.fraction() * 1500, () =>
        world.coordinators.setCutOff(node.id, false),
      );
    }
    if (fault === 'slow') world.coordinators.setDelay(node.id, random.fraction() * 400);
    if (fault === 'coordinator') {
      world.coordinators.crash();
      world.clock.after(random.fraction() * 1000, () => world.coordinators.restart());
    }
    await world.clock.advance(random.fraction() * 1200);
  }
  world.coordinators.restart();
  for (const name of NAMES) world.coordinators.setCutOff(world.node(name).id, false);
}

describe('a cluster whose nodes and coordinator fail all the time', () => {
  for (const seed of seeds())
    it(`keeps what it acknowledged, with one writer per epoch (seed ${seed})`, async function () {
      this.timeout(20_000);
      const world = new TestCluster({ seed, shards: SHARDS });
      await world.add('a');
      world.startTraffic(USERS);
      for (const name of ['b', 'c']) await world.add(name);
      await shake(world, seed);
      await world.clock.advance(8000);
      world.stopTraffic();
      await world.clock.advance(100_000);
      expect(world.served()).to.deep.equal({ a: 2, b: 2, c: 2 });
      world.expectNothingLost();
      world.expectOneCopyEach();
      for (const name of NAMES)
        await runOn(world.clock, world.node(name).cluster.directory.saved());
      await world.stop();
    });
});

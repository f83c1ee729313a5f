import { expect } from 'chai';
import { seededRandom } from '../../../src/ops/random.ts';
import { storeKey } from '../../../src/persist/keys.ts';
import { parseShardId, parseUserId } from '../../../src/protocol/ids.ts';
import { runOn } from './support/run-on.ts';
import { TestCluster } from './support/test-cluster.ts';

/** One address in each of the two shards. */
const ADDRESSES = [parseUserId('alice'), parseUserId('bob')];
const SHARDS = 2;
/** The shard that goes from a to b, by the planner's choice. */
const MOVED = parseShardId(0);

/** Both shards on a, with traffic, and b about to join: from here on every step is counted. */
async function prepare(seed: number): Promise<TestCluster> {
  const world = new TestCluster({ seed, shards: SHARDS });
  await world.add('a');
  world.startTraffic(ADDRESSES);
  await world.clock.advance(300);
  return world;
}

/** Lets traffic go on, then waits for two sweeps and for the time that a learner remembers a copy. */
async function settle(world: TestCluster): Promise<void> {
  await world.clock.advance(4000);
  world.stopTraffic();
  await world.clock.advance(35_000);
}

function expectAllWell(world: TestCluster): void {
  expect(world.served()).to.deep.equal({ a: 1, b: 1 });
  world.expectNothingLost();
  world.expectOneCopyEach();
}

/** The steps that `name` takes while a shard moves from a to b. */
async function stepsOf(name: string): Promise<readonly string[]> {
  const world = await prepare(1);
  world.killAt = { node: name, index: Infinity };
  await world.add('b');
  await settle(world);
  await world.stop();
  return world.points;
}

/** Kills `name` at one step, starts it again, and demands that everything heals. */
async function killAtStep(name: string, index: number): Promise<string | undefined> {
  const world = await prepare(1);
  world.killAt = { node: name, index };
  let restarted: Promise<void> = Promise.resolve();
  world.onKilled = (node) => {
    world.killAt = undefined;
    world.clock.after(200, () => {
      restarted = node.start();
    });
  };
  await world.add('b').catch((cause: unknown) => {
    // A node that dies while it starts has not started; its next life does.
    if (world.killAt !== undefined) throw cause;
  });
  await settle(world);
  await runOn(world.clock, restarted);
  expectAllWell(world);
  await world.stop();
  return world.points[index];
}

describe('hand-over', () => {
  it('moves a shard under traffic: nothing is lost, refused or doubled, and the old copy goes', async () => {
    const world = await prepare(3);
    await world.add('b');
    await settle(world);
    expectAllWell(world);
    await world.stop();
  });

  for (const name of ['a', 'b'])
    it(`I6: loses nothing when ${name} is killed at any step`, async function () {
      this.timeout(20_000);
      const steps = await stepsOf(name);
      expect(steps.length).to.be.greaterThan(10);
      for (const [index, step] of steps.entries()) {
        try {
          await killAtStep(name, index);
        } catch (cause) {
          throw new Error(`killed at step ${index} (${step})`, { cause });
        }
      }
    });

  it('copies a shard of many pages while its keys are written and removed', async () => {
    const world = new TestCluster({ seed: 12, shards: SHARDS });
    const a = await world.add('a');
    const { clock } = world;
    const random = seededRandom(12);
    const model = new Map<number, number>();
    const commitSome = async (count: number, spread: number): Promise<void> => {
      const tenure = a.cluster.ownership.tenure(MOVED);
      if (tenure === undefined) return;
      const keys = new Set(
        Array.from({ length: count }, () => Math.floor(random.fraction() * spread)),
      );
      const writes = [...keys].map((key) => {
        const value = random.fraction() < 0.3 ? undefined : Math.floor(random.fraction() * 255);
        if (value === undefined) model.delete(key);
        else model.set(key, value);
        return {
          key: storeKey('data', key),
          value: value === undefined ? undefined : new Uint8Array(1200).fill(value),
        };
      });
      await tenure.commit(writes);
    };
    for (let round = 0; round < 10; round += 1) await runOn(clock, commitSome(400, 3000));
    const joined = world.add('b');
    let isMoved = false;
    const write = (): void => {
      if (isMoved) return;
      void commitSome(5, 3000);
      clock.after(1, write);
    };
    write();
    await joined;
    await clock.advance(3000);
    isMoved = true;
    const { store } = world.servingNode(MOVED);
    expect(world.servingNode(MOVED).id).to.equal('b');
    expect(model.size).to.be.greaterThan(1500);
    for (let key = 0; key < 3000; key += 1)
      expect(store.get(MOVED, storeKey('data', key))?.[7], `key ${key}`).to.equal(model.get(key));
    await world.stop();
  });

  /** Runs `then` when a reaches its swap for the first time. */
  function atSwap(world: TestCluster, moment: 'before' | 'after', then: () => void): void {
    const watched = world.onPoint.bind(world);
    let isDone = false;
    world.onPoint = (node, point) => {
      watched(node, point);
      if (isDone || point !== `${moment} coordinator.swap` || !world.nodes.has('b')) return;
      isDone = true;
      then();
    };
  }

  it('acknowledges nothing while it does not know how the swap ended, and then what the map says', async () => {
    for (const answerMs of [0, 1, 2]) {
      const world = await prepare(5);
      const { coordinators, clock } = world;
      const a = world.node('a');
      atSwap(world, 'before', () => {
        // The request is lost on its way (0, 1) or its answer is.
        clock.after(answerMs, () => coordinators.setCutOff(a.id, true));
        clock.after(1000, () => {
          const waiting = [0, 1].filter(
            (shard) => a.cluster.ownership.tenure(shard as never)?.isPaused !== false,
          );
          expect(waiting, 'shards in which a acknowledges nothing').to.have.length(1);
          coordinators.setCutOff(a.id, false);
        });
      });
      await world.add('b');
      await settle(world);
      expectAllWell(world);
      await world.stop();
    }
  });

  it('I6: an owner that gave a shard away does not serve it again, even if it starts without a coordinator', async () => {
    const world = await prepare(6);
    const { coordinators, clock } = world;
    const a = world.node('a');
    atSwap(world, 'before', () => {
      // The swap is made, but neither its answer nor its announcement reaches a.
      clock.after(1.5, () => {
        a.kill();
        coordinators.setCutOff(a.id, true);
        clock.after(100, () => void a.start());
      });
    });
    await world.add('b');
    await clock.advance(6000);
    expect(world.served()).to.deep.equal({ a: 0, b: 1 });
    coordinators.setCutOff(a.id, false);
    await settle(world);
    expectAllWell(world);
    await world.stop();
  });

  it('I6: a learner that starts again keeps a complete copy while its owner may be giving it the shard', async () => {
    const world = await prepare(7);
    const { coordinators, clock } = world;
    atSwap(world, 'before', () => {
      // b forgets what it was told, long before the swap arrives at the coordinator.
      const b = world.node('b');
      b.kill();
      clock.after(5, () => void b.start());
    });
    coordinators.setDelay(world.node('a').id, 300);
    await world.add('b');
    await settle(world);
    expectAllWell(world);
    await world.stop();
  });

  it('goes on serving when the coordinator is lost, and waits for it after a start', async () => {
    const world = await prepare(8);
    world.coordinators.crash();
    await world.clock.advance(3000);
    expect(world.served()).to.deep.equal({ a: 2 });
    world.node('a').kill();
    await runOn(world.clock, world.node('a').start());
    await world.clock.advance(3000);
    expect(world.served()).to.deep.equal({ a: 0 });
    world.coordinators.restart();
    await world.clock.advance(3000);
    expect(world.served()).to.deep.equal({ a: 2 });
    world.stopTraffic();
    world.expectNothingLost();
    await world.stop();
  });

  it('takes a new epoch with every start', async () => {
    const world = await prepare(9);
    const epoch = world.node('a').cluster.ownership.servedEpoch(0 as never) ?? 0;
    world.node('a').kill();
    await runOn(world.clock, world.node('a').start());
    expect(world.node('a').cluster.ownership.servedEpoch(0 as never)).to.equal(epoch + 1);
    await world.stop();
  });

  it('drains: hands everything over and takes nothing back', async () => {
    const world = await prepare(10);
    await world.add('b');
    await settle(world);
    world.startTraffic(ADDRESSES);
    world.leaving.add(world.node('a').id);
    const left = await runOn(world.clock, world.node('a').cluster.drain());
    expect(left).to.equal(0);
    expect(world.served()).to.deep.equal({ a: 0, b: 2 });
    await world.clock.advance(5000);
    expect(world.served()).to.deep.equal({ a: 0, b: 2 });
    world.stopTraffic();
    world.expectNothingLost();
    await world.stop();
  });

  it('has nowhere to drain to when it is alone', async () => {
    const world = await prepare(11);
    expect(await runOn(world.clock, world.node('a').cluster.drain())).to.equal(SHARDS);
    await world.stop();
  });
});

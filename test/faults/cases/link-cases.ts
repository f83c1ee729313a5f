/** Links that are cut, in one direction or both, and links that are slow. */
import { lasting } from '../harness/eventually.ts';
import type { FaultCase } from '../harness/fault-case.ts';
import { Network } from '../harness/network.ts';
import type { World } from '../harness/world.ts';

const LENGTHS_MS = [10, 6000, 60_000];
const FLAP_MS = 200;
const FLAPS = 50;
const NARROW_BITS = 400_000;

function lengthOf(round: number): number {
  return LENGTHS_MS[(round - 1) % LENGTHS_MS.length] ?? 0;
}

async function cutInto(
  world: World,
  groups: ReadonlyArray<readonly string[]>,
  ms: number,
): Promise<void> {
  const [, ...minorities] = groups;
  const hurt = world.members.filter(({ name }) => minorities.flat().includes(name));
  await world.fault(
    `partition ${groups.map((group) => group.join('')).join(' | ')}, ${ms} ms`,
    hurt,
  );
  world.network.partition(groups);
  await lasting(ms);
  world.network.mendAll();
}

const minority: FaultCase = {
  name: 'partition-2-1',
  summary: 'one node is cut off from the two others for 10 ms, 6 s and 60 s; clients reach all',
  covers: [5],
  rounds: 3,
  world: { isCuttable: true },
  async inject(world, round) {
    const alone = world.pick(world.members).name;
    const rest = world.members.map(({ name }) => name).filter((name) => name !== alone);
    await cutInto(world, [rest, [alone]], lengthOf(round));
  },
};

const everybody: FaultCase = {
  name: 'partition-1-1-1',
  summary: 'no node hears another for 10 ms, 6 s and 60 s; clients reach all',
  covers: [5],
  rounds: 3,
  world: { isCuttable: true },
  async inject(world, round) {
    const groups = world.members.map(({ name }) => [name]);
    await cutInto(world, groups, lengthOf(round));
  },
};

const oneWay: FaultCase = {
  name: 'partition-one-way',
  summary: 'what one node sends does not reach another for 10 ms, 6 s and 60 s; the way back works',
  covers: [6],
  rounds: 3,
  world: { isCuttable: true },
  async inject(world, round) {
    const from = world.pick(world.members);
    const to = world.pick(world.members.filter((node) => node !== from));
    await world.fault(`${from.name} -> ${to.name} cut, ${lengthOf(round)} ms`, [from, to]);
    world.network.cut(from.name, to.name);
    await lasting(lengthOf(round));
    world.network.mendAll();
  },
};

const flapping: FaultCase = {
  name: 'flapping',
  summary: 'one node is cut off and back every 200 ms, for 20 s',
  covers: [8],
  world: { isCuttable: true },
  async inject(world) {
    const alone = world.pick(world.members);
    const rest = world.members.filter((node) => node !== alone).map(({ name }) => name);
    await world.fault(`${alone.name} flaps`, [alone]);
    for (let flap = 0; flap < FLAPS; flap += 1) {
      world.network.partition([rest, [alone.name]]);
      await lasting(FLAP_MS);
      world.network.mendAll();
      await lasting(FLAP_MS);
    }
  },
};

const noCoordinator: FaultCase = {
  name: 'partition-coordinator',
  summary: 'one node does not reach any etcd member for 10 ms, 6 s and 60 s, but all nodes',
  covers: [7],
  needs: ['etcd'],
  rounds: 3,
  world: { isCuttable: true },
  async inject(world, round) {
    const node = world.pick(world.members);
    const etcds = world.cluster.etcds.map(({ name }) => name);
    await cutInto(world, [etcds, [node.name]], lengthOf(round));
  },
};

const deafClients: FaultCase = {
  name: 'half-open-clients',
  summary:
    'what a node sends does not reach the clients for 20 s: connections that are dead and open',
  covers: [6],
  world: { isCuttable: true },
  async inject(world) {
    const node = world.pick(world.members);
    await world.fault(`${node.name} -> clients cut`, [node]);
    world.network.cut(node.name, Network.clients);
    await lasting(20_000);
    world.network.mendAll();
  },
};

const slowLink: FaultCase = {
  name: 'slow-link',
  summary: 'a node sends at 400 kbit/s for 10 s: late and lost packets',
  covers: [13],
  world: { isCuttable: true },
  async inject(world) {
    const node = world.pick(world.members);
    await world.fault(`${node.name} sends slowly`, [node]);
    world.network.narrow(node.name, NARROW_BITS);
    await lasting(10_000);
    world.network.narrow(node.name, undefined);
  },
};

export const LINK_CASES: readonly FaultCase[] = [
  minority,
  everybody,
  oneWay,
  flapping,
  noCoordinator,
  deafClients,
  slowLink,
];

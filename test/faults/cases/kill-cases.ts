/** Processes that die or freeze. */
import type { NodeUnderTest } from '../harness/node-under-test.ts';
import { lasting } from '../harness/eventually.ts';
import type { FaultCase } from '../harness/fault-case.ts';
import type { World } from '../harness/world.ts';

const FAIL_OVER_MS = 5000;

async function kill(world: World, nodes: readonly NodeUnderTest[]): Promise<void> {
  await world.fault(`kill -9 ${nodes.map(({ name }) => name).join(', ')}`, nodes);
  await Promise.all(nodes.map((node) => node.kill()));
}

async function freeze(world: World, node: NodeUnderTest, ms: number): Promise<void> {
  await world.fault(`SIGSTOP ${node.name} for ${ms} ms`, [node]);
  node.process.pause();
  await lasting(ms);
  node.process.resume();
}

const killNode: FaultCase = {
  name: 'kill-node',
  summary: 'kill -9 of one node: owner, replica, edge and balancer in one; started again 2 s later',
  covers: [1],
  async inject(world) {
    await kill(world, [world.pick(world.members)]);
    await lasting(2000);
  },
};

const killAll: FaultCase = {
  name: 'kill-all',
  summary: 'kill -9 of every node at once, started again: the acknowledged set is all there',
  covers: [2],
  async inject(world) {
    await kill(world, world.members);
    await lasting(500);
  },
};

const killAnything: FaultCase = {
  name: 'kill-anything',
  summary: '50 random kills: a node, two nodes, a member of etcd, or everything at once',
  covers: [1, 2],
  rounds: 50,
  async inject(world) {
    const { members, cluster } = world;
    const first = world.pick(members);
    const others = members.filter((node) => node !== first);
    const choices: ReadonlyArray<readonly NodeUnderTest[]> = [
      [first],
      [first],
      [first, world.pick(others)],
      members,
    ];
    const nodes = world.pick(choices);
    const etcds = nodes === members ? cluster.etcds : cluster.etcds.slice(0, 1);
    if (nodes === members || world.random.fraction() < 0.3)
      await Promise.all([kill(world, nodes), ...etcds.map((etcd) => etcd.kill())]);
    else await kill(world, nodes);
    await lasting(world.between(0, 3000));
  },
};

const failOver: FaultCase = {
  name: 'fail-over',
  summary: '100 kills of one node, which stays dead until others have taken over: p99 at most 5 s',
  covers: [1],
  needs: ['replicas'],
  rounds: 100,
  stallP99MaxMs: FAIL_OVER_MS,
  async inject(world) {
    await kill(world, [world.pick(world.members)]);
    // Everything that waits for the dead node must be answered without it.
    await world.load.ask('recovered', 3 * FAIL_OVER_MS);
  },
};

const freezeOwner: FaultCase = {
  name: 'freeze-node',
  summary: 'SIGSTOP of a node for 1, 3 and 10 s: what it wakes up with must not acknowledge',
  covers: [3, 19],
  rounds: 3,
  async inject(world, round) {
    const lengths = [1000, 3000, 10_000];
    await freeze(world, world.pick(world.members), lengths[(round - 1) % lengths.length] ?? 1000);
  },
};

const blockLoop: FaultCase = {
  name: 'block-loop',
  summary: 'a node stands still for 5 s, as a blocked event loop does',
  covers: [19],
  async inject(world) {
    await freeze(world, world.pick(world.members), 5000);
  },
};

const rolling: FaultCase = {
  name: 'rolling-restart',
  summary: 'every node is drained and started again, one after the other, under load',
  covers: [14],
  async inject(world) {
    for (const node of world.members) {
      await world.fault(`SIGTERM ${node.name}`, [node]);
      const exit = await node.stop();
      if (exit !== 0) throw new Error(`${node.name} ended with ${exit} when asked to drain`);
      await world.cluster.startNode(node);
      await world.load.ask('recovered', 30_000);
      await world.cluster.healthy(60_000);
    }
  },
};

const storm: FaultCase = {
  name: 'reconnect-storm',
  summary: 'kill -9 of a node with 1,000 sessions on the cluster: everybody comes back',
  covers: [20],
  world: { users: 1000, peers: 1, rate: 200 },
  async inject(world) {
    await kill(world, [world.pick(world.members)]);
    await lasting(1000);
  },
};

export const KILL_CASES: readonly FaultCase[] = [
  killNode,
  killAll,
  killAnything,
  failOver,
  freezeOwner,
  blockLoop,
  rolling,
  storm,
];

/** Clocks, names, members and coordinators that are not as they should be. */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, lasting } from '../harness/eventually.ts';
import { fakeClockEnv, moveClock } from '../harness/fake-clock.ts';
import type { FaultCase } from '../harness/fault-case.ts';
import { NodeUnderTest } from '../harness/node-under-test.ts';
import type { World } from '../harness/world.ts';

const HOUR_S = 3600;
const TWIN_MS = 5000;
const JOIN_MS = 60_000;
const REFUSED_MS = 30_000;
const REFUSING_MS = 5000;

const clock: FaultCase = {
  name: 'clock',
  summary: 'the wall clock of one node jumps an hour ahead, then an hour back, while it runs',
  covers: [11],
  needs: ['faketime'],
  world: { envOf: (node, folder) => (node === 'n2' ? fakeClockEnv(node, folder) : {}) },
  async inject(world) {
    const node = world.cluster.node('n2');
    for (const seconds of [HOUR_S, -HOUR_S, 0]) {
      await world.fault(`the clock of n2 is ${seconds} s off`, [node]);
      moveClock(world.folder, 'n2', seconds);
      await world.load.ask('recovered', REFUSED_MS);
    }
  },
};

const wrongClock: FaultCase = {
  name: 'clock-at-start',
  summary: 'a node starts with a wall clock an hour ahead, and people log in there',
  covers: [11],
  needs: ['faketime'],
  world: { envOf: (node, folder) => (node === 'n2' ? fakeClockEnv(node, folder) : {}) },
  async inject(world) {
    const node = world.cluster.node('n2');
    await world.fault('n2 starts again with another clock', [node]);
    await node.kill();
    moveClock(world.folder, 'n2', HOUR_S);
    await world.cluster.startNode(node);
    await world.load.ask('recovered', REFUSED_MS);
    await world.fault('n1 is killed: everybody has to go elsewhere', [world.cluster.node('n1')]);
    await world.cluster.node('n1').kill();
    await lasting(2000);
  },
};

function twinOf(node: NodeUnderTest, folder: string): NodeUnderTest {
  const ports = { gate: 17_400, mesh: 17_500, http: 17_600 };
  return new NodeUnderTest({ ...node.options, folder, ports });
}

const sameName: FaultCase = {
  name: 'same-name',
  summary: 'a new node asks to join under a name that is taken: refused, nobody notices',
  covers: [17],
  async inject(world) {
    const node = world.cluster.node('n2');
    const folder = join(world.folder, 'stranger');
    mkdirSync(folder, { recursive: true });
    const twin = new NodeUnderTest({
      ...node.options,
      folder,
      ports: { gate: 0, mesh: 0, http: 0 },
    });
    await world.fault('another n2 asks to join', []);
    const started = twin.launch({ join: world.cluster.joinFile(node) });
    started.expectEnd();
    await eventually('the second n2 ends', () => !started.isRunning, REFUSED_MS);
    if ((await started.exited) === 0) throw new Error('a second n2 ended in peace');
  },
};

const cloned: FaultCase = {
  name: 'cloned-node',
  summary:
    'a copy of the data directory of a running node runs beside it for 5 s, on the same host',
  covers: [17],
  world: { isCuttable: true },
  async inject(world) {
    const node = world.cluster.node('n2');
    const folder = join(world.folder, 'clone');
    rmSync(folder, { recursive: true, force: true });
    const twin = twinOf(node, folder);
    cpSync(node.data, twin.data, { recursive: true });
    await world.fault('n2 runs twice', [node]);
    const started = twin.launch();
    // Either may notice and end: an owner that ends itself is not an owner of two minds.
    started.expectEnd();
    node.process.expectEnd();
    await lasting(TWIN_MS);
    await twin.kill();
    if (node.isRunning) await node.kill();
  },
};

const joinAndLeave: FaultCase = {
  name: 'join-and-leave',
  summary: 'a fourth node joins and takes its share under load, then drains and is forgotten',
  covers: [16],
  world: { spareNodes: 1 },
  async inject(world) {
    const added = world.cluster.node('n4');
    await world.fault('n4 joins', []);
    await world.cluster.startNode(added);
    await world.cluster.healthy(JOIN_MS);
    await world.load.ask('recovered', JOIN_MS);
    await world.fault('n4 leaves', [added]);
    const exit = await added.stop();
    if (exit !== 0) throw new Error(`n4 ended with ${exit} when asked to drain`);
    await world.pick(world.members).admin('nodes', 'forget', added.name);
  },
};

const etcdLeader: FaultCase = {
  name: 'kill-etcd-leader',
  summary: 'kill -9 of the member of etcd that leads; started again 5 s later',
  covers: [1],
  needs: ['etcd'],
  rounds: 3,
  async inject(world) {
    for (const etcd of world.cluster.etcds) {
      if (!(await etcd.isLeader())) continue;
      await world.fault(`kill -9 ${etcd.name}, the leader`, []);
      await etcd.kill();
      break;
    }
    await lasting(5000);
  },
};

const etcdFrozen: FaultCase = {
  name: 'freeze-etcd',
  summary:
    'every member of etcd stands still for 4 s, then for 10 s: nobody is declared dead by that',
  covers: [4],
  needs: ['etcd'],
  rounds: 2,
  async inject(world, round) {
    await world.fault('SIGSTOP of etcd', []);
    for (const { process } of world.cluster.etcds) process.pause();
    await lasting(round % 2 === 1 ? 4000 : 10_000);
    for (const { process } of world.cluster.etcds) process.resume();
  },
};

/** What docs/OPERATING.md says to do about an etcd that was put back. */
async function rebuildMap({ cluster, members }: World): Promise<void> {
  const versions = await Promise.all(members.map(async (node) => (await node.report()).version));
  const newest = members[versions.indexOf(Math.max(...versions))];
  await cluster.etcds[0]?.removeAll('fastchat');
  await newest?.admin('rebuild-map');
}

const etcdLost: FaultCase = {
  name: 'etcd-restored',
  summary:
    'etcd comes back with the data it had some time ago: nodes refuse it, an operator writes the map anew',
  covers: [22],
  needs: ['etcd'],
  async inject(world) {
    const { etcds } = world.cluster;
    const copy = (from: '' | '.backup', to: '' | '.backup'): void => {
      for (const { data } of etcds) {
        rmSync(`${data}${to}`, { recursive: true, force: true });
        cpSync(`${data}${from}`, `${data}${to}`, { recursive: true });
      }
    };
    await world.fault('etcd is copied', []);
    await Promise.all(etcds.map((etcd) => etcd.kill()));
    copy('', '.backup');
    await world.cluster.startEtcd();
    const node = world.pick(world.members);
    await world.fault(`kill -9 ${node.name}, so that epochs go on`, [node]);
    await node.kill();
    await lasting(5000);
    await world.cluster.startNode(node);
    await world.load.ask('recovered', JOIN_MS);
    await world.fault('etcd is put back', []);
    await Promise.all(etcds.map((etcd) => etcd.kill()));
    copy('.backup', '');
    await world.cluster.startEtcd();
    await lasting(REFUSING_MS);
    await rebuildMap(world);
  },
};

export const ODD_CASES: readonly FaultCase[] = [
  clock,
  wrongClock,
  sameName,
  cloned,
  joinAndLeave,
  etcdLeader,
  etcdFrozen,
  etcdLost,
];

/** Disks that fill up, stores that are put back or damaged. */
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, lasting } from '../harness/eventually.ts';
import type { FaultCase } from '../harness/fault-case.ts';
import type { NodeUnderTest } from '../harness/node-under-test.ts';
import { fillDisk, makeRoom, mountSmallDisk } from '../harness/small-disk.ts';
import type { World, WorldOptions } from '../harness/world.ts';

const DISK_BYTES = 192 << 20;
const MARK_BYTES = 16 << 20;
const FULL_MS = 8000;
const REFUSED_MS = 30_000;

const SMALL_DISKS: Partial<WorldOptions> = {
  nodeArgs: ['--limits.free-space-bytes', String(MARK_BYTES), '--limits.free-space-ratio', '0.01'],
  prepare(folder) {
    const undo = ['n1', 'n2', 'n3'].map((name) => mountSmallDisk(join(folder, name), DISK_BYTES));
    return () => undo.forEach((unmount) => unmount());
  },
};

async function fill(world: World, nodes: readonly NodeUnderTest[], leftBytes: number) {
  await world.fault(`full disk at ${nodes.map(({ name }) => name).join(', ')}`, nodes);
  for (const { data } of nodes) fillDisk(data, leftBytes);
  await lasting(FULL_MS);
  for (const { data } of nodes) makeRoom(data);
}

const fullOne: FaultCase = {
  name: 'disk-full-one',
  summary:
    'one node falls below its free-space mark for 8 s: refuses writes, and goes on by itself',
  covers: [9],
  needs: ['root'],
  world: SMALL_DISKS,
  inject: (world) => fill(world, [world.pick(world.members)], MARK_BYTES / 2),
};

const fullAll: FaultCase = {
  name: 'disk-full-all',
  summary: 'every node falls below its free-space mark for 8 s',
  covers: [9],
  needs: ['root'],
  world: SMALL_DISKS,
  inject: (world) => fill(world, world.members, MARK_BYTES / 2),
};

const noByteLeft: FaultCase = {
  name: 'disk-no-byte-left',
  summary:
    'the disk of a node is filled to the last byte at once: a commit fails, the node ends itself',
  covers: [9, 10],
  needs: ['root'],
  world: SMALL_DISKS,
  async inject(world) {
    const node = world.pick(world.members);
    // Refusing in time is as good as ending.
    node.process.expectEnd();
    await fill(world, [node], 0);
  },
};

const restored: FaultCase = {
  name: 'restored-store',
  summary: 'a replica comes back with the data directory it had some time ago',
  covers: [18],
  needs: ['replicas'],
  async inject(world) {
    const node = world.pick(world.members);
    const backup = `${node.data}.backup`;
    await world.fault(`${node.name} is copied`, [node]);
    await node.kill();
    rmSync(backup, { recursive: true, force: true });
    cpSync(node.data, backup, { recursive: true, preserveTimestamps: true });
    await world.cluster.startNode(node);
    await world.load.ask('recovered', REFUSED_MS);
    await world.cluster.healthy(REFUSED_MS);
    await world.fault(`${node.name} is put back`, [node]);
    await node.kill();
    rmSync(node.data, { recursive: true, force: true });
    cpSync(backup, node.data, { recursive: true, preserveTimestamps: true });
  },
};

function storeFileOf(node: NodeUnderTest): string {
  const folder = join(node.data, 'store');
  const files = readdirSync(folder).map((name) => join(folder, name));
  const [largest = ''] = files.sort((one, other) => statSync(other).size - statSync(one).size);
  return largest;
}

const truncated: FaultCase = {
  name: 'truncated-store',
  summary:
    'the store file of a dead node is cut in half: it refuses to start, until it is put right',
  covers: [21],
  async inject(world) {
    const node = world.pick(world.members);
    await world.fault(`${node.name} is damaged`, [node]);
    await node.kill();
    const whole = `${node.data}.whole`;
    rmSync(whole, { recursive: true, force: true });
    cpSync(node.data, whole, { recursive: true, preserveTimestamps: true });
    const file = storeFileOf(node);
    truncateSync(file, Math.floor(statSync(file).size / 2));
    const started = node.launch();
    started.expectEnd();
    await eventually('the damaged node ends', () => !started.isRunning, REFUSED_MS);
    if ((await started.exited) === 0) throw new Error('a node with half a store ended in peace');
    rmSync(node.data, { recursive: true, force: true });
    cpSync(whole, node.data, { recursive: true, preserveTimestamps: true });
  },
};

export const DISK_CASES: readonly FaultCase[] = [fullOne, fullAll, noByteLeft, restored, truncated];

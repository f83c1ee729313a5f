import { EmbeddedCoordinator } from '../../src/cluster/embedded-coordinator.ts';
import { serveCoordinator } from '../../src/cluster/coordinator-server.ts';
import { MemoryCoordinatorService } from '../../src/cluster/memory-coordinator.ts';
import { RemoteCoordinator } from '../../src/cluster/remote-coordinator.ts';
import { createMemoryShardStore } from '../../src/persist/memory-shard-store.ts';
import { MemoryDisk } from '../../src/persist/memory-disk.ts';
import { VirtualClock } from '../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import { COORDINATOR_POLL_MS } from '../../src/protocol/limits.ts';
import { FakeNetwork } from '../unit/cluster/support/fake-network.ts';
import { runOn } from '../unit/cluster/support/run-on.ts';
import { CONTRACT_SHARDS, coordinatorContract } from './coordinator.contract.ts';
import type { CoordinatorSubject } from './coordinator.contract.ts';

const N1 = parseNodeId('n1');
const N2 = parseNodeId('n2');
const N3 = parseNodeId('n3');

coordinatorContract('simulated', async () => {
  const clock = new VirtualClock({ seed: 7 });
  const service = new MemoryCoordinatorService({ clock, shards: CONTRACT_SHARDS });
  service.setDelay(N2, 3);
  const coordinator = service.seenBy(N1);
  return await Promise.resolve({
    coordinator,
    other: service.seenBy(N2),
    names: { first: N1, other: N2 },
    settleMs: 100,
    nowMs: () => clock.mono(),
    run: (work) => runOn(clock, work),
    pass: (ms) => clock.advance(ms),
    crash: async () => {
      service.crash();
      await clock.advance(10);
    },
    restart: () => {
      service.restart();
      return Promise.resolve(coordinator);
    },
    close: () => Promise.resolve(),
  } satisfies CoordinatorSubject);
});

interface Keeper {
  readonly coordinator: EmbeddedCoordinator;
  readonly end: () => void;
}

/** A node that keeps the coordinator on `disk` and serves it to the others. */
async function openKeeper(
  clock: VirtualClock,
  disk: MemoryDisk,
  network: FakeNetwork,
): Promise<Keeper> {
  const store = await runOn(clock, createMemoryShardStore({ clock, disk, flushDelayMs: () => 1 }));
  const coordinator = new EmbeddedCoordinator({ store, clock, shards: CONTRACT_SHARDS });
  const mesh = network.open(N1);
  const server = serveCoordinator({ coordinator, mesh, clock });
  return { coordinator, end: () => server.stop() };
}

function embedded(first: 'local' | 'remote') {
  return async (): Promise<CoordinatorSubject> => {
    const clock = new VirtualClock({ seed: 11 });
    const network = new FakeNetwork(clock);
    const disk = new MemoryDisk();
    let keeper = await openKeeper(clock, disk, network);
    const remote = (node: typeof N2) =>
      new RemoteCoordinator({ mesh: network.open(node), at: N1, clock });
    const there = remote(N2);
    const third = remote(N3);
    return {
      coordinator: first === 'local' ? keeper.coordinator : third,
      other: there,
      names: { first: first === 'local' ? N1 : N3, other: N2 },
      // Watchers that are members hear at once; the others with their next poll.
      settleMs: 100 + COORDINATOR_POLL_MS,
      nowMs: () => clock.mono(),
      run: (work) => runOn(clock, work),
      pass: (ms) => clock.advance(ms),
      crash: async () => {
        keeper.end();
        disk.crash();
        network.close(N1);
        await clock.advance(10);
      },
      restart: async () => {
        keeper = await openKeeper(clock, disk, network);
        await clock.advance(10);
        return first === 'local' ? keeper.coordinator : third;
      },
      close: async () => {
        keeper.end();
        await runOn(clock, Promise.all([keeper.coordinator.close(), there.close(), third.close()]));
      },
    };
  };
}

coordinatorContract('embedded, in its own node', embedded('local'));
coordinatorContract('embedded, from another node', embedded('remote'));

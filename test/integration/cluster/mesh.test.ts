import { expect } from 'chai';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { Coordinator } from '../../../src/cluster/coordinator.ts';
import { serveCoordinator } from '../../../src/cluster/coordinator-server.ts';
import { EmbeddedCoordinator } from '../../../src/cluster/embedded-coordinator.ts';
import type { Member } from '../../../src/cluster/members.ts';
import { RemoteCoordinator } from '../../../src/cluster/remote-coordinator.ts';
import { MemoryMesh } from '../../../src/net/memory-transport.ts';
import { createMesh } from '../../../src/net/mesh.ts';
import type { Mesh } from '../../../src/net/mesh.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../src/persist/memory-shard-store.ts';
import type { ShardStore } from '../../../src/persist/shard-store.ts';
import { succeed } from '../../../src/protocol/calls.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { REPLICA_REPLACE_DEFAULT_MS } from '../../../src/protocol/limits.ts';
import { runOn } from '../../unit/cluster/support/run-on.ts';
import { appendTo, memberOf } from '../../unit/cluster/support/test-cluster.ts';

const SHARDS = 8;
const N1 = memberOf('n1', 0);
const N2 = memberOf('n2', 1);

interface Running {
  readonly cluster: Cluster;
  readonly close: () => Promise<void>;
}

/** The real mesh over a lossless transport, the real stores over simulated disks, one virtual clock. */
describe('two nodes over the mesh, with the embedded coordinator', () => {
  const clock = new VirtualClock({ seed: 21 });
  const random = seededRandom(21);
  const transport = new MemoryMesh({ clock, random });
  /** As the heartbeats of a node would tell. */
  const leaving = new Set<string>();
  let first: Running;
  let second: Running;

  async function open(
    member: Member,
    coordinate: (mesh: Mesh, store: ShardStore) => Coordinator,
  ): Promise<Running & { readonly coordinator: Coordinator; readonly mesh: Mesh }> {
    const self = member.node;
    const disk = new MemoryDisk();
    const store = await createMemoryShardStore({ clock, disk, flushDelayMs: () => 1 });
    const mesh = createMesh({
      transport: transport.open(self),
      clock,
      random,
      bootId: `${self}-1`,
      heartbeat: () => new Uint8Array(0),
    });
    const coordinator = coordinate(mesh, store);
    const cluster = new Cluster({
      self,
      mesh,
      store,
      coordinator,
      actors: { deliver: (_, epoch, __, done) => done?.(succeed({ seq: epoch, at: 1, last: 1 })) },
      sessions: { push: () => undefined },
      serving: { freeze: () => Promise.resolve(), resume: () => undefined },
      replicas: 1,
      isLeaving: (node) => leaving.has(node),
      replaceAfterMs: REPLICA_REPLACE_DEFAULT_MS,
      clock,
      random,
      log: silentLog,
    });
    const close = async (): Promise<void> => {
      await cluster.stop();
      await coordinator.close();
      await mesh.close();
      await store.close();
    };
    return { cluster, close, coordinator, mesh };
  }

  before(async () => {
    const one = await open(N1, (mesh, store) => {
      const coordinator = new EmbeddedCoordinator({ store, clock, shards: SHARDS });
      serveCoordinator({ coordinator, mesh, clock });
      return coordinator;
    });
    await runOn(clock, one.coordinator.join(N1));
    await runOn(clock, one.cluster.start());
    // As the join handler does it, after which the newcomer knows the view.
    const view = await runOn(clock, one.coordinator.join(N2));
    const two = await open(N2, (mesh) => new RemoteCoordinator({ mesh, at: N1.node, clock }));
    two.cluster.directory.adopt(view);
    await runOn(clock, two.cluster.start());
    [first, second] = [one, two];
  });

  after(async () => {
    await runOn(clock, second.close());
    await runOn(clock, first.close());
  });

  it('shares the shards evenly, and both know it', async () => {
    await clock.advance(8000);
    for (const { cluster } of [first, second]) {
      expect(cluster.status().owned).to.deep.equal({ n1: SHARDS / 2, n2: SHARDS / 2 });
      expect(cluster.status().served).to.equal(SHARDS / 2);
      expect(cluster.status().members.map(({ isUp }) => isUp)).to.deep.equal([true, true]);
    }
  });

  it('reaches every address from every node', async () => {
    const users = Array.from({ length: 40 }, (_, index) => parseUserId(`user${index}`));
    const replies = users.flatMap((to) =>
      [first, second].map(
        ({ cluster }) =>
          new Promise<boolean>((resolve) => {
            cluster.router.ask<'append'>(to, appendTo(to, 1), ({ ok }) => resolve(ok));
          }),
      ),
    );
    expect(await runOn(clock, Promise.all(replies))).to.not.include(false);
    expect(first.cluster.router.counters().asksRemote).to.be.greaterThan(5);
    expect(second.cluster.router.counters().asksRemote).to.be.greaterThan(5);
  });

  it('drains the newcomer, whose shards go back', async () => {
    leaving.add(N2.node);
    expect(await runOn(clock, second.cluster.drain())).to.equal(0);
    await clock.advance(5000);
    expect(first.cluster.status().served).to.equal(SHARDS);
  });
});

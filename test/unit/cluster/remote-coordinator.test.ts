import { expect } from 'chai';
import { serveCoordinator } from '../../../src/cluster/coordinator-server.ts';
import { EmbeddedCoordinator } from '../../../src/cluster/embedded-coordinator.ts';
import { RemoteCoordinator } from '../../../src/cluster/remote-coordinator.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../src/persist/memory-shard-store.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import {
  COORDINATOR_ASK_AGAIN_MS,
  LEASE_TTL_MS,
  MESH_REQUEST_TIMEOUT_MS,
  STORE_TOKEN_BYTES,
} from '../../../src/protocol/limits.ts';
import { testMember } from '../../contract/coordinator.contract.ts';
import { FakeNetwork } from './support/fake-network.ts';
import { runOn } from './support/run-on.ts';

const N1 = testMember('n1');
const N2 = testMember('n2');
const SHARD = parseShardId(0);
const MADE = { epoch: 2, owner: N2.node, replicas: [N1.node, N2.node] };
/** Of one that is answered although the first frame was lost: the way there and back is short. */
const SOON_MS = COORDINATOR_ASK_AGAIN_MS + 100;

/** The first node keeps the coordinator, the second one asks it; both are members. */
async function prepare() {
  const clock = new VirtualClock({ seed: 3 });
  const network = new FakeNetwork(clock);
  const disk = new MemoryDisk();
  const store = await runOn(clock, createMemoryShardStore({ clock, disk, flushDelayMs: () => 1 }));
  const coordinator = new EmbeddedCoordinator({ store, clock, shards: 4 });
  serveCoordinator({ coordinator, mesh: network.open(N1.node), clock });
  const remote = new RemoteCoordinator({ mesh: network.open(N2.node), at: N1.node, clock });
  for (const member of [N1, N2]) await runOn(clock, coordinator.join(member));
  await clock.advance(100);
  return { clock, network, coordinator, remote };
}

type World = Awaited<ReturnType<typeof prepare>>;

/** Loses the next `count` frames of one kind between the two; how many were sent since. */
function lose({ network }: World, kind: 'request' | 'reply', count: number): { sent: number } {
  const seen = { sent: 0 };
  network.filter = (message) => {
    if (message.service !== 'coordinator' || message.kind !== kind) return true;
    seen.sent += 1;
    return seen.sent > count;
  };
  return seen;
}

for (const kind of ['request', 'reply'] as const)
  describe(`a coordinator at another node, of which a ${kind} is lost`, () => {
    it('tells soon what a swap has come to, and makes it once', async () => {
      const world = await prepare();
      const before = world.coordinator.present.map.version;
      lose(world, kind, 1);
      const { current } = await runOn(world.clock, world.remote.swap(SHARD, 1, MADE), SOON_MS);
      expect(current).to.deep.equal(MADE);
      expect(world.coordinator.present.map.version).to.equal(before + 1);
    });

    it('recognises a store soon, and knows it afterwards', async () => {
      const { clock, remote, ...world } = await prepare();
      const token = (fill: number) => new Uint8Array(STORE_TOKEN_BYTES).fill(fill);
      lose({ clock, remote, ...world }, kind, 1);
      const first = { count: 1, previous: undefined, next: token(1) };
      const verdict = await runOn(clock, remote.recognise(N2.node, first), SOON_MS);
      expect(verdict.isKnown).to.equal(true);
      const next = { count: 2, previous: token(1), next: token(2) };
      expect((await runOn(clock, remote.recognise(N2.node, next))).isKnown).to.equal(true);
    });

    it('shows the view soon', async () => {
      const world = await prepare();
      lose(world, kind, 1);
      const view = await runOn(world.clock, world.remote.view(), SOON_MS);
      expect(view.members.map(({ node }) => node)).to.deep.equal(['n1', 'n2']);
    });
  });

describe('a coordinator at another node', () => {
  it('says that it does not answer as soon as it did when asked once, and is left alone then', async () => {
    const world = await prepare();
    const seen = lose(world, 'request', Infinity);
    const startMs = world.clock.mono();
    const code = await runOn(world.clock, world.remote.view()).catch(
      (cause: unknown) => asFastChatError(cause).code,
    );
    expect(code).to.equal('E_TIMEOUT');
    expect(world.clock.mono() - startMs).to.be.within(
      MESH_REQUEST_TIMEOUT_MS,
      MESH_REQUEST_TIMEOUT_MS + 100,
    );
    // The poll asks, too, from then on.
    await world.remote.close();
    const { sent } = seen;
    await world.clock.advance(3 * MESH_REQUEST_TIMEOUT_MS);
    expect(seen.sent).to.equal(sent);
  });

  it('says at once what it refuses', async () => {
    const { clock, remote } = await prepare();
    const stranger = { ...MADE, replicas: [N2.node, testMember('n9').node] };
    const code = await runOn(clock, remote.swap(SHARD, 1, stranger), 100).catch(
      (cause: unknown) => asFastChatError(cause).code,
    );
    expect(code).to.equal('E_USAGE');
  });

  it('ends no lease that was taken again while the end of the one before was not answered', async () => {
    const world = await prepare();
    const { clock, remote, coordinator } = world;
    const lease = remote.lease(N2.node);
    await clock.advance(100);
    lose(world, 'reply', 1);
    void lease.rest();
    await clock.advance(100);
    lease.resume();
    await clock.advance(100);
    const left: string[] = [];
    coordinator.watch(
      () => undefined,
      (live) => left.push(...(live.has(N2.node) ? [] : ['n2'])),
    );
    await clock.advance(3 * LEASE_TTL_MS);
    expect(left, 'seen without its lease').to.deep.equal([]);
    expect(lease.validUntilMs).to.be.above(clock.mono());
  });
});

import { expect } from 'chai';
import { EmbeddedCoordinator } from '../../../src/cluster/embedded-coordinator.ts';
import { ShardDirectory } from '../../../src/cluster/shard-map.ts';
import { StoreRecognition } from '../../../src/cluster/store-recognition.ts';
import { silentLog } from '../../../src/ops/log.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { createMemoryShardStore } from '../../../src/persist/memory-shard-store.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import type { ShardId } from '../../../src/protocol/ids.ts';
import { COORDINATOR_RETRY_MS, STORE_TOKEN_ROTATE_MS } from '../../../src/protocol/limits.ts';
import { testMember } from '../../contract/coordinator.contract.ts';
import { runOn } from './support/run-on.ts';

const N1 = testMember('n1');
const N2 = testMember('n2');
const SHARED = parseShardId(0);
const ALONE = parseShardId(1);

type Meta = Map<string, Uint8Array>;

/** What recognition needs of a store, on a "disk" that can be copied and put back. */
class FakeStore {
  meta: Meta;
  readonly distrusted: ShardId[] = [];

  constructor(meta: Meta) {
    this.meta = new Map(meta);
  }

  getMeta(name: string): Uint8Array | undefined {
    return this.meta.get(name);
  }

  putMeta(name: string, value: Uint8Array): Promise<void> {
    this.meta.set(name, value);
    return Promise.resolve();
  }

  distrustCopies(isElsewhere: (shard: ShardId) => boolean): Promise<void> {
    this.distrusted.push(...[SHARED, ALONE].filter(isElsewhere));
    return Promise.resolve();
  }
}

describe('a node that says which store it has', () => {
  let clock: VirtualClock;
  let coordinator: EmbeddedCoordinator;
  let directory: ShardDirectory;
  let seed = 1;

  beforeEach(async () => {
    clock = new VirtualClock();
    const disk = new MemoryDisk();
    const keeper = await runOn(
      clock,
      createMemoryShardStore({ clock, disk, flushDelayMs: () => 1 }),
    );
    coordinator = new EmbeddedCoordinator({ store: keeper, clock, shards: 2 });
    await runOn(clock, coordinator.join(N1));
    await runOn(clock, coordinator.join(N2));
    const both = { epoch: 2, owner: N1.node, replicas: [N1.node, N2.node] };
    await runOn(clock, coordinator.swap(SHARED, 1, both));
    directory = new ShardDirectory(keeper);
    directory.adopt(await runOn(clock, coordinator.view()));
  });
  afterEach(() => runOn(clock, coordinator.close()));

  const start = async (store: FakeStore, forMs = 0): Promise<StoreRecognition> => {
    seed += 1;
    const random = seededRandom(seed);
    const ports = { self: N1.node, store, coordinator, directory, clock, random, log: silentLog };
    const recognition = new StoreRecognition(ports);
    await runOn(clock, recognition.start());
    await clock.advance(forMs);
    return recognition;
  };
  /** One whole life; answers the disk as it is afterwards. */
  const live = async (disk: Meta, forMs = 0): Promise<FakeStore> => {
    const store = new FakeStore(disk);
    const recognition = await start(store, forMs);
    expect(recognition.isTrusted).to.equal(true);
    recognition.stop();
    return store;
  };

  it('is trusted from life to life', async () => {
    let store = await live(new Map());
    for (let life = 0; life < 5; life += 1) store = await live(store.meta, 1000);
    expect(store.distrusted).to.deep.equal([]);
  });

  it('distrusts the copies that others have too when it was put back to a former life', async () => {
    const backup = await live(new Map());
    await live(backup.meta);
    const restored = await live(backup.meta);
    expect(restored.distrusted).to.deep.equal([SHARED]);
    expect((await live(restored.meta)).distrusted).to.deep.equal([]);
  });

  it('distrusts by the map of now, not by the one that was put back with the copies', async () => {
    const backup = await live(new Map());
    await live(backup.meta);
    const alone = { epoch: 1, owner: N1.node, replicas: [N1.node] };
    const { members } = directory.view;
    const ofThen = { members, map: { version: 1, shards: [alone, alone] } };
    directory = new ShardDirectory(new FakeStore(backup.meta));
    directory.adopt(ofThen);
    expect((await live(backup.meta)).distrusted).to.deep.equal([SHARED]);
    expect(directory.assignment(SHARED)?.epoch).to.equal(2);
  });

  it('notices a copy that was taken in the middle of the present life', async () => {
    const store = new FakeStore(new Map());
    const recognition = await start(store);
    const backup = new Map(store.meta);
    await clock.advance(3 * STORE_TOKEN_ROTATE_MS);
    recognition.stop();
    expect((await live(backup)).distrusted).to.deep.equal([SHARED]);
  });

  it('notices a copy that ran on its own while the original was down', async () => {
    const original = await live(new Map());
    await live(original.meta, 5 * STORE_TOKEN_ROTATE_MS);
    expect((await live(original.meta)).distrusted).to.deep.equal([SHARED]);
  });

  it('distrusts again at the next start when it crashes before the copies are marked', async () => {
    const backup = await live(new Map());
    await live(backup.meta);
    const crashed = new FakeStore(backup.meta);
    crashed.distrustCopies = () => Promise.reject(new FastChatError('E_IO', 'crashed'));
    const recognition = await start(crashed);
    expect(recognition.isTrusted).to.equal(false);
    recognition.stop();
    expect((await live(crashed.meta)).distrusted).to.deep.equal([SHARED]);
  });

  it('is not trusted before the coordinator has answered, and asks until it does', async () => {
    const recognise = coordinator.recognise.bind(coordinator);
    coordinator.recognise = () => Promise.reject(new FastChatError('E_UNREACHABLE', 'away'));
    const recognition = await start(new FakeStore(new Map()), 3 * COORDINATOR_RETRY_MS);
    expect(recognition.isTrusted).to.equal(false);
    coordinator.recognise = recognise;
    await clock.advance(2 * COORDINATOR_RETRY_MS);
    expect(recognition.isTrusted).to.equal(true);
    recognition.stop();
  });

  it('goes on with its copies while a second process speaks for them', async () => {
    const store = new FakeStore(new Map());
    const recognition = await start(store);
    const copy = await live(store.meta);
    await clock.advance(STORE_TOKEN_ROTATE_MS + 1000);
    expect(store.distrusted).to.deep.equal([]);
    recognition.stop();
    expect((await live(store.meta)).distrusted).to.deep.equal([SHARED]);
    expect((await live(copy.meta)).distrusted).to.deep.equal([SHARED]);
  });
});

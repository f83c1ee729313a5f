/** What only the simulated disk can show: crashes at a chosen moment, and the bugs planted for the simulator's tests. */
import { expect } from 'chai';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../src/persist/memory-shard-store.ts';
import type { MemoryShardStoreOptions } from '../../../src/persist/memory-shard-store.ts';
import { storeKey } from '../../../src/persist/keys.ts';
import type { ShardStore } from '../../../src/persist/shard-store.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import { DROP_SLICE_KEYS } from '../../../src/protocol/limits.ts';
import { ManualClock } from './manual-disk.ts';

const SHARD = parseShardId(1);
const KEY = storeKey('a');

async function reactions(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await Promise.resolve();
}

describe('the simulated shard store', () => {
  let clock: ManualClock;
  let disk: MemoryDisk;
  const open = (options: Partial<MemoryShardStoreOptions> = {}): Promise<ShardStore> =>
    createMemoryShardStore({ clock, disk, flushDelayMs: () => 10, ...options });
  /** Commits `count` times, each in a turn of its own; answers what has resolved so far. */
  const commitTurns = (store: ShardStore, count: number): number[] => {
    const resolved: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      void store
        .commit(SHARD, 1, [{ key: KEY, value: Uint8Array.of(turn) }])
        .then((seq) => resolved.push(seq));
      clock.endTurn();
    }
    return resolved;
  };
  /** Lets everything that was started come to its end. */
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) {
      await reactions();
      clock.endTurn();
      clock.advance(10);
    }
  };

  beforeEach(() => {
    clock = new ManualClock();
    disk = new MemoryDisk();
  });

  it('S1: loses what was not flushed, and resolves none of it', async () => {
    const store = await open();
    const resolved = commitTurns(store, 2);
    clock.advance(9);
    await reactions();
    expect(disk.unflushed).to.equal(2);
    disk.crash();
    clock.advance(1000);
    await reactions();
    expect(resolved).to.deep.equal([]);
    expect((await open()).head(SHARD).seq).to.equal(0);
  });

  it('keeps what was flushed, and of the rest as much as the crash spares', async () => {
    const store = await open();
    commitTurns(store, 1);
    clock.advance(10);
    commitTurns(store, 3);
    disk.crash(2);
    const again = await open();
    expect(again.head(SHARD).seq).to.equal(3);
    expect(again.get(SHARD, KEY)).to.deep.equal(Uint8Array.of(1));
  });

  it('flushes in order although a later flush takes less time', async () => {
    const delays = [50, 10];
    const store = await open({ flushDelayMs: () => delays.shift() ?? 0 });
    const resolved = commitTurns(store, 2);
    clock.advance(10);
    await reactions();
    expect(resolved).to.deep.equal([1, 2]);
  });

  it('refuses calls after the crash', async () => {
    const store = await open();
    disk.crash();
    expect(() => store.head(SHARD))
      .to.throw()
      .with.property('code', 'E_IO');
  });

  it('finishes an interrupted drop when it opens', async () => {
    const store = await open();
    const writes = Array.from({ length: DROP_SLICE_KEYS * 2 }, (_, index) => ({
      key: storeKey(index),
      value: Uint8Array.of(1),
    }));
    void store.commit(SHARD, 3, writes);
    clock.endTurn();
    clock.advance(10);
    void store.drop(SHARD);
    clock.endTurn();
    clock.advance(10);
    disk.crash();
    const opening = open();
    await settle();
    const again = await opening;
    expect(again.shards()).to.deep.equal([]);
    expect(again.promised(SHARD)).to.equal(3);
    void again.install(SHARD, { epoch: 3, seq: 1 }, []);
    expect(again.snapshotPage(SHARD, undefined, 10).writes).to.deep.equal([]);
  });

  it('the planted bug resolveBeforeFlush acknowledges what a crash then loses', async () => {
    const store = await open({ resolveBeforeFlush: true });
    const resolved = commitTurns(store, 1);
    await reactions();
    expect(resolved).to.deep.equal([1]);
    disk.crash();
    expect((await open()).head(SHARD).seq).to.equal(0);
  });

  it('the planted bug ignoreEpoch takes writes of a fenced epoch', async () => {
    const store = await open({ ignoreEpoch: true });
    void store.fence(SHARD, 5);
    void store.commit(SHARD, 4, []);
    await settle();
    expect(store.head(SHARD)).to.deep.equal({ epoch: 4, seq: 1 });
    expect(store.promised(SHARD)).to.equal(5);
  });
});

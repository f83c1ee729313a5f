/** What every ShardStore promises its owner: S1 to S6, reads, bounds, the free-space mark, drops and meta records. */
import { expect } from 'chai';
import {
  COMMIT_WRITES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_RANGE_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../../src/protocol/limits.ts';
import { after, storeKey } from '../../src/persist/keys.ts';
import type { ShardStore } from '../../src/persist/shard-store.ts';
import {
  OTHER_SHARD,
  SHARD,
  append,
  bytes,
  codeOf,
  contentOf,
  text,
  writesOf,
} from './shard-store-worlds.ts';
import type { StoreWorld } from './shard-store-worlds.ts';

export function shardStoreContract(name: string, createWorld: () => StoreWorld): void {
  describe(`ShardStore on ${name}`, () => {
    let world: StoreWorld;
    let store: ShardStore;
    const reopen = async (): Promise<void> => {
      await world.crash();
      store = await world.openShardStore();
    };

    beforeEach(async () => {
      world = createWorld();
      store = await world.openShardStore();
    });
    afterEach(() => world.end());

    describe('commit', () => {
      it('answers dense sequence numbers for each shard on its own', async () => {
        expect(await store.commit(SHARD, 1, writesOf({ a: '1' }))).to.equal(1);
        expect(await store.commit(SHARD, 1, writesOf({ a: '2' }))).to.equal(2);
        expect(await store.commit(OTHER_SHARD, 4, [])).to.equal(1);
        expect(store.head(SHARD)).to.deep.equal({ epoch: 1, seq: 2 });
        expect(store.head(OTHER_SHARD)).to.deep.equal({ epoch: 4, seq: 1 });
      });

      it('S1: resolves the commits of many turns in sequence order', async () => {
        const resolved: number[] = [];
        const commits: Promise<unknown>[] = [];
        for (let turn = 0; turn < 5; turn += 1) {
          for (let index = 0; index < 10; index += 1)
            commits.push(
              store.commit(SHARD, 1, writesOf({ a: 'x' })).then((seq) => resolved.push(seq)),
            );
          await Promise.resolve();
          if (turn % 2 === 0) await commits.at(-1);
        }
        await Promise.all(commits);
        expect(resolved).to.deep.equal(Array.from({ length: 50 }, (_, index) => index + 1));
      });

      it('S1, S4: what resolved is there after a restart, whole', async () => {
        await store.commit(SHARD, 3, writesOf({ a: '1', b: '2' }));
        await store.commit(SHARD, 3, writesOf({ a: undefined, c: '3' }));
        await reopen();
        expect(contentOf(store)).to.deep.equal([
          ['b', '2'],
          ['c', '3'],
        ]);
        expect(store.head(SHARD)).to.deep.equal({ epoch: 3, seq: 2 });
      });

      it('is visible to reads at once', async () => {
        const first = store.commit(SHARD, 1, writesOf({ a: '1', b: '1' }));
        const second = store.commit(SHARD, 1, writesOf({ a: undefined, c: '2' }));
        expect(store.get(SHARD, bytes('a'))).to.equal(undefined);
        expect(contentOf(store)).to.deep.equal([
          ['b', '1'],
          ['c', '2'],
        ]);
        await Promise.all([first, second]);
      });

      it('copies what it is given and what it answers', async () => {
        const value = bytes('first');
        const commit = store.commit(SHARD, 1, [{ key: bytes('a'), value }]);
        value.fill(0);
        store.get(SHARD, bytes('a'))?.fill(0);
        await commit;
        store.get(SHARD, bytes('a'))?.fill(0);
        expect(text(store.get(SHARD, bytes('a')))).to.equal('first');
      });

      it('keeps an empty value apart from none', async () => {
        await store.commit(SHARD, 1, writesOf({ empty: '' }));
        expect(store.get(SHARD, bytes('empty'))).to.have.length(0);
        expect(store.get(SHARD, bytes('none'))).to.equal(undefined);
        expect(contentOf(store)).to.deep.equal([['empty', '']]);
      });

      it('lets the last write of a key win within a commit and within a turn', async () => {
        const twice = [...writesOf({ a: '1' }), ...writesOf({ a: '2' })];
        const gone = [...writesOf({ b: '1' }), ...writesOf({ b: undefined })];
        await Promise.all([store.commit(SHARD, 1, twice), store.commit(SHARD, 1, gone)]);
        expect(contentOf(store)).to.deep.equal([['a', '2']]);
      });

      it('flushed waits for everything committed before', async () => {
        let committed = false;
        void store.commit(SHARD, 1, writesOf({ a: '1' })).then(() => (committed = true));
        await store.flushed();
        expect(committed).to.equal(true);
      });
    });

    describe('bounds', () => {
      const refused = async (writes: Parameters<ShardStore['commit']>[2]): Promise<void> => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        expect(await codeOf(store.commit(SHARD, 1, writes))).to.equal('E_TOO_LARGE');
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
        expect(store.head(SHARD).seq).to.equal(1);
      };

      it('takes the longest key and value, and refuses one byte more of either', async () => {
        const key = new Uint8Array(STORE_KEY_BYTES_MAX);
        const value = new Uint8Array(STORE_VALUE_BYTES_MAX).fill(7);
        await store.commit(OTHER_SHARD, 1, [{ key, value }]);
        expect(store.get(OTHER_SHARD, key)).to.have.length(value.length);
        await refused([...writesOf({ a: '2' }), { key, value: new Uint8Array(value.length + 1) }]);
      });

      it('refuses a longer key', () =>
        refused([
          ...writesOf({ a: '2' }),
          { key: new Uint8Array(STORE_KEY_BYTES_MAX + 1), value: undefined },
        ]));

      it('refuses a commit of too many writes', () =>
        refused(
          Array.from({ length: COMMIT_WRITES_MAX + 1 }, () => ({
            key: bytes('a'),
            value: undefined,
          })),
        ));

      it('refuses a commit of too many bytes', () =>
        refused(
          Array.from({ length: 600 }, (_, index) => ({
            key: storeKey(index),
            value: new Uint8Array(STORE_VALUE_BYTES_MAX),
          })),
        ));
    });

    describe('range', () => {
      const keys = (pairs: ReturnType<ShardStore['range']>): string[] =>
        pairs.map(([key]) => text(key) ?? '');

      beforeEach(async () => {
        await store.commit(OTHER_SHARD, 1, writesOf({ b: 'other' }));
        await store.commit(SHARD, 1, writesOf({ a: '1', b: '1', c: '1', d: '1', e: '1' }));
      });

      it('includes from, excludes to, and keeps to its shard', () => {
        expect(keys(store.range(SHARD, bytes('b'), bytes('d')))).to.deep.equal(['b', 'c']);
        expect(keys(store.range(SHARD, bytes('a!'), bytes('d!')))).to.deep.equal(['b', 'c', 'd']);
        expect(keys(store.range(SHARD, bytes('d'), bytes('b')))).to.deep.equal([]);
        expect(keys(store.range(OTHER_SHARD, bytes('a'), bytes('z')))).to.deep.equal(['b']);
      });

      it('reads backwards from the end', () => {
        const reverse = true;
        expect(keys(store.range(SHARD, bytes('b'), bytes('d'), { reverse }))).to.deep.equal([
          'c',
          'b',
        ]);
        expect(keys(store.range(SHARD, bytes('b!'), bytes('z'), { reverse }))).to.deep.equal([
          'e',
          'd',
          'c',
        ]);
        expect(
          keys(store.range(SHARD, bytes('a'), bytes('d!'), { reverse, limit: 2 })),
        ).to.deep.equal(['d', 'c']);
        expect(keys(store.range(SHARD, bytes('d'), bytes('b'), { reverse }))).to.deep.equal([]);
      });

      it('shows pending writes in their place, both ways', async () => {
        const pending = store.commit(
          SHARD,
          1,
          writesOf({ a: undefined, bb: '2', c: '2', e: undefined, f: '2' }),
        );
        const all = store.range(SHARD, bytes('a'), bytes('z'));
        expect(all.map(([key, value]) => `${text(key)}${text(value)}`)).to.deep.equal([
          'b1',
          'bb2',
          'c2',
          'd1',
          'f2',
        ]);
        expect(keys(store.range(SHARD, bytes('a'), bytes('z'), { limit: 2 }))).to.deep.equal([
          'b',
          'bb',
        ]);
        expect(
          keys(store.range(SHARD, bytes('a'), bytes('z'), { reverse: true, limit: 3 })),
        ).to.deep.equal(['f', 'd', 'c']);
        await pending;
      });

      it('ends at the limit and at STORE_RANGE_MAX', async () => {
        const many = Array.from({ length: STORE_RANGE_MAX + 1 }, (_, index) => ({
          key: storeKey('many', index),
          value: bytes('x'),
        }));
        await store.commit(SHARD, 1, many);
        const prefix = storeKey('many');
        expect(store.range(SHARD, prefix, after(prefix), { limit: 9999 })).to.have.length(
          STORE_RANGE_MAX,
        );
        expect(store.range(SHARD, prefix, after(prefix), { limit: 3 })).to.have.length(3);
        expect(store.range(SHARD, prefix, after(prefix), { limit: 0 })).to.have.length(0);
      });
    });

    describe('fence', () => {
      it('S2: refuses older epochs from the call on, and changes nothing', async () => {
        await store.commit(SHARD, 2, writesOf({ a: '1' }));
        const fenced = store.fence(SHARD, 5);
        expect(await codeOf(store.commit(SHARD, 4, writesOf({ a: '2' })))).to.equal('E_MOVED');
        expect(await codeOf(append(store, { epoch: 4, seq: 2 }, writesOf({ a: '2' })))).to.equal(
          'E_MOVED',
        );
        expect(await fenced).to.deep.equal({ epoch: 2, seq: 1 });
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
        expect(await store.commit(SHARD, 5, writesOf({ a: '5' }))).to.equal(2);
      });

      it('S3: the promise outlives a restart, also of a shard never written', async () => {
        await store.fence(SHARD, 5);
        await reopen();
        expect(store.promised(SHARD)).to.equal(5);
        expect(await codeOf(store.commit(SHARD, 4, []))).to.equal('E_MOVED');
        expect(store.shards()).to.deep.equal([]);
      });

      it('is never lowered, and may be repeated', async () => {
        await store.fence(SHARD, 5);
        expect(await codeOf(store.fence(SHARD, 4))).to.equal('E_MOVED');
        expect(await store.fence(SHARD, 5)).to.deep.equal({ epoch: 0, seq: 0 });
      });

      it('a commit promises its own epoch', async () => {
        await store.commit(SHARD, 6, []);
        expect(await codeOf(store.commit(SHARD, 5, []))).to.equal('E_MOVED');
        await reopen();
        expect(store.promised(SHARD)).to.equal(6);
      });
    });

    describe('drop', () => {
      it('removes data, journal and head in slices and keeps the promise', async () => {
        for (let turn = 0; turn < 3; turn += 1) {
          const writes = Array.from({ length: 400 }, (_, index) => ({
            key: storeKey(turn, index),
            value: bytes('x'),
          }));
          await store.commit(SHARD, 2, writes);
        }
        await store.commit(OTHER_SHARD, 1, writesOf({ a: '1' }));
        await Promise.all([store.drop(SHARD), store.drop(SHARD)]);
        const check = (): void => {
          expect(contentOf(store)).to.deep.equal([]);
          expect(store.head(SHARD)).to.deep.equal({ epoch: 0, seq: 0 });
          expect(store.promised(SHARD)).to.equal(2);
          expect(store.since(SHARD, 1)).to.equal(undefined);
          expect(store.shards()).to.deep.equal([OTHER_SHARD]);
        };
        check();
        await reopen();
        check();
        expect(await store.commit(SHARD, 2, writesOf({ b: '1' }))).to.equal(1);
      });

      it('shows nothing and takes nothing while it runs', async () => {
        await store.commit(SHARD, 2, writesOf({ a: '1' }));
        const dropping = store.drop(SHARD);
        expect(contentOf(store)).to.deep.equal([]);
        expect(store.get(SHARD, bytes('a'))).to.equal(undefined);
        expect(await codeOf(store.commit(SHARD, 2, writesOf({ a: '2' })))).to.equal('E_MOVED');
        await dropping;
      });
    });

    describe('the free-space mark', () => {
      const fill = async (): Promise<void> => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        await world.crash();
        world.setFreeBytes(999);
        store = await world.openShardStore();
      };

      it('refuses new data below it, with a time to retry after', async () => {
        await fill();
        expect(store.stats()).to.include({ full: true, freeBytes: 999 });
        expect(await codeOf(store.commit(SHARD, 1, writesOf({ b: '1' })))).to.equal('E_STORE_FULL');
        expect(await codeOf(append(store, { epoch: 1, seq: 2 }, writesOf({ b: '1' })))).to.equal(
          'E_STORE_FULL',
        );
        expect(store.head(SHARD).seq).to.equal(1);
      });

      it('lets reads, removals, fences, small installs, meta records and drops go on', async () => {
        await fill();
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
        expect(await store.commit(SHARD, 1, writesOf({ a: undefined }))).to.equal(2);
        await store.fence(SHARD, 3);
        await store.putMeta('map', bytes('m'));
        await store.install(SHARD, { epoch: 3, seq: 9 }, writesOf({ c: '1' }));
        await store.drop(SHARD);
      });

      it('refuses a large install', async () => {
        await fill();
        const writes = Array.from({ length: 40 }, (_, index) => ({
          key: storeKey(index),
          value: new Uint8Array(STORE_VALUE_BYTES_MAX),
        }));
        const install = store.install(SHARD, { epoch: 3, seq: 9 }, writes);
        expect(await codeOf(install)).to.equal('E_STORE_FULL');
      });
    });

    describe('meta records', () => {
      it('outlive a restart, of any length, apart from each other', async () => {
        const long = new Uint8Array(9000).fill(5);
        await store.putMeta('map', long);
        await store.putMeta('map2', bytes('x'));
        await reopen();
        expect(store.getMeta('map')).to.have.length(9000);
        await store.putMeta('map', bytes('short'));
        await reopen();
        expect(text(store.getMeta('map'))).to.equal('short');
        expect(text(store.getMeta('map2'))).to.equal('x');
        expect(store.getMeta('ma')).to.equal(undefined);
      });
    });

    it('counts commits and flushes, many commits to a flush', async () => {
      await Promise.all(
        Array.from({ length: 100 }, () => store.commit(SHARD, 1, writesOf({ a: '1' }))),
      );
      const { commits, flushes, flushMs } = store.stats();
      expect(commits).to.equal(100);
      expect(flushes).to.equal(1);
      expect(flushMs).to.be.greaterThanOrEqual(0);
    });

    it('close waits for pending commits and refuses what comes later', async () => {
      const pending = store.commit(SHARD, 1, writesOf({ a: '1' }));
      await store.close();
      expect(await pending).to.equal(1);
      expect(await codeOf(store.commit(SHARD, 1, []))).to.equal('E_IO');
      expect(() => store.get(SHARD, bytes('a')))
        .to.throw()
        .with.property('code', 'E_IO');
      await store.close();
    });
  });
}

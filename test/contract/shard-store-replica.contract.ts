/** What every ShardStore promises a replica: append, since, snapshots, installs, roll-back and the journal's bounds. */
import { expect } from 'chai';
import { JOURNAL_RECORDS_KEPT, JOURNAL_TRIM_RECORDS } from '../../src/protocol/limits.ts';
import { storeKey } from '../../src/persist/keys.ts';
import type { Delta, ShardStore } from '../../src/persist/shard-store.ts';
import { parseShardId } from '../../src/protocol/ids.ts';
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

const RECORDS_MAX = JOURNAL_RECORDS_KEPT + JOURNAL_TRIM_RECORDS;

function valuesOf(delta: Delta | undefined): Record<string, string | undefined> {
  return Object.fromEntries(
    (delta?.writes ?? []).map(({ key, value }) => [text(key) ?? '', text(value)]),
  );
}

export function shardStoreReplicaContract(name: string, createWorld: () => StoreWorld): void {
  describe(`ShardStore replication on ${name}`, () => {
    let world: StoreWorld;
    let store: ShardStore;
    const reopen = async (): Promise<void> => {
      await world.crash();
      store = await world.openShardStore();
    };
    const commitMany = async (count: number): Promise<void> => {
      for (let left = count; left > 0; left -= 100)
        await Promise.all(
          Array.from({ length: Math.min(left, 100) }, () =>
            store.commit(SHARD, 1, writesOf({ a: 'x' })),
          ),
        );
    };

    beforeEach(async () => {
      world = createWorld();
      store = await world.openShardStore();
    });
    afterEach(() => world.end());

    describe('append', () => {
      it('takes the next commit of the owner', async () => {
        await append(store, { epoch: 2, seq: 1 }, writesOf({ a: '1' }));
        await Promise.all([
          append(store, { epoch: 2, seq: 2 }, writesOf({ a: '2' })),
          append(store, { epoch: 3, seq: 3 }, writesOf({ b: '3' })),
        ]);
        expect(contentOf(store)).to.deep.equal([
          ['a', '2'],
          ['b', '3'],
        ]);
        expect(store.head(SHARD)).to.deep.equal({ epoch: 3, seq: 3 });
      });

      it('S5: a repeated one resolves and changes nothing, also after a restart', async () => {
        await append(store, { epoch: 2, seq: 1 }, writesOf({ a: '1' }));
        await append(store, { epoch: 2, seq: 2 }, writesOf({ a: '2' }));
        await reopen();
        await append(store, { epoch: 2, seq: 1 }, writesOf({ a: 'again' }));
        await append(store, { epoch: 2, seq: 2 }, writesOf({ a: 'again' }));
        expect(contentOf(store)).to.deep.equal([['a', '2']]);
        expect(store.head(SHARD).seq).to.equal(2);
      });

      it('S5: a gap is refused', async () => {
        await append(store, { epoch: 2, seq: 1 }, []);
        expect(await codeOf(append(store, { epoch: 2, seq: 3 }, []))).to.equal('E_MOVED');
        expect(store.head(SHARD).seq).to.equal(1);
      });

      it('S5: another commit of the same number is refused', async () => {
        await append(store, { epoch: 2, seq: 1 }, writesOf({ a: '1' }));
        expect(
          await codeOf(append(store, { epoch: 3, seq: 1 }, writesOf({ a: 'other' }))),
        ).to.equal('E_MOVED');
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
      });
    });

    it('S5: a commit whose predecessor is of another epoch here is refused', async () => {
      await append(store, { epoch: 2, seq: 1 }, writesOf({ a: '1' }));
      const outcome = codeOf(append(store, { epoch: 4, seq: 2, before: 3 }, writesOf({ a: '2' })));
      expect(await outcome).to.equal('E_MOVED');
      expect(contentOf(store)).to.deep.equal([['a', '1']]);
    });

    describe('standing', () => {
      it('is absent, then whole, and absent again after a drop', async () => {
        expect(store.standing(SHARD)).to.equal('absent');
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        await reopen();
        expect(store.standing(SHARD)).to.equal('whole');
        const dropped = store.drop(SHARD);
        expect(store.standing(SHARD)).to.equal('dropping');
        await dropped;
        expect(store.standing(SHARD)).to.equal('absent');
      });

      it('S7: a copy under way is partial until its last page, also after a restart', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        await store.markPartial(SHARD);
        await store.installPart(SHARD, writesOf({ b: '2' }));
        await reopen();
        expect(store.standing(SHARD)).to.equal('partial');
        expect(store.shards()).to.deep.equal([SHARD]);
        expect(contentOf(store)).to.deep.equal([]);
        expect(store.get(SHARD, bytes('a'))).to.equal(undefined);
        expect(store.since(SHARD, 0)).to.equal(undefined);
        for (const refused of [
          store.commit(SHARD, 9, []),
          append(store, { epoch: 9, seq: 2, before: 1 }, []),
          store.rollBack(SHARD, 0),
        ])
          expect(await codeOf(refused)).to.equal('E_MOVED');
        await store.install(SHARD, { epoch: 2, seq: 7 }, writesOf({ c: '3' }));
        await reopen();
        expect(store.standing(SHARD)).to.equal('whole');
        expect(contentOf(store)).to.deep.equal([
          ['a', '1'],
          ['b', '2'],
          ['c', '3'],
        ]);
        expect(store.head(SHARD)).to.deep.equal({ epoch: 2, seq: 7 });
        expect(store.since(SHARD, 6)).to.equal(undefined);
      });

      it('S7: a partial copy keeps its floor until it is whole, also while it is emptied', async () => {
        const floor = { epoch: 4, seq: 9 };
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        expect(store.floor(SHARD)).to.equal(undefined);
        const dropped = store.drop(SHARD, floor);
        expect(store.standing(SHARD)).to.equal('dropping');
        expect(store.floor(SHARD)).to.deep.equal(floor);
        await dropped;
        await reopen();
        expect(store.standing(SHARD)).to.equal('partial');
        expect(store.floor(SHARD)).to.deep.equal(floor);
        await store.markPartial(SHARD, { epoch: 4, seq: 10 });
        await reopen();
        expect(store.floor(SHARD)).to.deep.equal({ epoch: 4, seq: 10 });
        await store.install(SHARD, { epoch: 4, seq: 12 }, writesOf({ b: '2' }));
        await reopen();
        expect(store.floor(SHARD)).to.equal(undefined);
        expect(contentOf(store)).to.deep.equal([['b', '2']]);
        await store.drop(SHARD);
        expect(store.standing(SHARD)).to.equal('absent');
      });

      it('S7: only a partial copy takes pages', async () => {
        expect(await codeOf(store.installPart(SHARD, []))).to.equal('E_MOVED');
        await store.commit(SHARD, 1, []);
        expect(await codeOf(store.installPart(SHARD, []))).to.equal('E_MOVED');
      });

      it('distrusts the copies that others have, durably, and keeps the promises', async () => {
        await store.commit(SHARD, 3, writesOf({ a: '1' }));
        await store.commit(OTHER_SHARD, 3, writesOf({ a: '1' }));
        const begun = parseShardId(9);
        await store.markPartial(begun, { epoch: 2, seq: 5 });
        await store.distrustCopies((shard) => shard !== OTHER_SHARD);
        expect(store.floor(begun), 'of a copy that may have been whole since').to.equal(undefined);
        await reopen();
        expect(store.standing(SHARD)).to.equal('partial');
        expect(store.standing(OTHER_SHARD)).to.equal('whole');
        expect(store.promised(SHARD)).to.equal(3);
      });

      it('an install into a whole copy is one transaction: after a crash it is there or not', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        const installed = store.install(SHARD, { epoch: 1, seq: 5 }, writesOf({ a: '5', b: '5' }));
        expect(contentOf(store)).to.have.length(2);
        await installed;
        await reopen();
        expect(store.head(SHARD).seq).to.equal(5);
        expect(contentOf(store)).to.have.length(2);
      });
    });

    describe('since', () => {
      it('answers each key touched since once, with its value of now', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1', b: '1' }));
        await store.commit(SHARD, 1, writesOf({ a: '2', c: '2' }));
        await store.commit(SHARD, 1, writesOf({ a: '3', b: undefined }));
        const delta = store.since(SHARD, 1);
        expect(delta?.head).to.deep.equal({ epoch: 1, seq: 3 });
        expect(delta?.writes).to.have.length(3);
        expect(valuesOf(delta)).to.deep.equal({ a: '3', b: undefined, c: '2' });
        expect(store.since(SHARD, 3)).to.deep.equal({ head: { epoch: 1, seq: 3 }, writes: [] });
      });

      it('is complete for commits still on their way to the disk, whose head it names', async () => {
        const pending = [
          store.commit(SHARD, 1, writesOf({ a: '1' })),
          store.commit(SHARD, 1, writesOf({ a: '2', b: '2' })),
        ];
        const delta = store.since(SHARD, 0);
        expect(delta?.head.seq).to.equal(2);
        expect(valuesOf(delta)).to.deep.equal({ a: '2', b: '2' });
        await Promise.all(pending);
      });

      it('is undefined beyond the head', async () => {
        await store.commit(SHARD, 1, []);
        expect(store.since(SHARD, 2)).to.equal(undefined);
      });

      it('reads records of many keys and long old values', async () => {
        const writes = (fill: number) =>
          Array.from({ length: 300 }, (_, index) => ({
            key: storeKey('k', index),
            value: new Uint8Array(900).fill(fill),
          }));
        await store.commit(SHARD, 1, writes(1));
        await store.commit(SHARD, 1, writes(2));
        await reopen();
        expect(store.since(SHARD, 1)?.writes).to.have.length(300);
        expect(await store.rollBack(SHARD, 1)).to.equal(true);
        expect(store.get(SHARD, storeKey('k', 299))?.[0]).to.equal(1);
      });
    });

    describe('the journal', () => {
      it('reaches back about as far as it should, and no further', async () => {
        await commitMany(RECORDS_MAX + 10);
        const { seq } = store.head(SHARD);
        expect(store.since(SHARD, seq - JOURNAL_RECORDS_KEPT)).to.not.equal(undefined);
        expect(store.since(SHARD, seq - RECORDS_MAX)).to.equal(undefined);
        await reopen();
        expect(store.since(SHARD, seq - JOURNAL_RECORDS_KEPT)).to.not.equal(undefined);
        expect(store.since(SHARD, seq - RECORDS_MAX)).to.equal(undefined);
        expect(store.epochAt(SHARD, 1)).to.equal(undefined);
      });

      it('is held back by its floor while a hand-over runs, and shrinks afterwards', async () => {
        world.journalFloor = () => 5;
        await commitMany(RECORDS_MAX + 100);
        expect(store.since(SHARD, 5)).to.not.equal(undefined);
        expect(store.since(SHARD, 4)).to.equal(undefined);
        world.journalFloor = () => undefined;
        await commitMany(200);
        expect(store.since(SHARD, store.head(SHARD).seq - RECORDS_MAX)).to.equal(undefined);
      });

      it('knows the epoch of each commit it holds', async () => {
        await append(store, { epoch: 2, seq: 1 }, []);
        await append(store, { epoch: 2, seq: 2 }, []);
        await append(store, { epoch: 4, seq: 3 }, []);
        const epochs = [0, 1, 2, 3, 4].map((seq) => store.epochAt(SHARD, seq));
        expect(epochs).to.deep.equal([0, 2, 2, 4, undefined]);
      });
    });

    describe('rollBack', () => {
      it('I4: puts back what the undone commits overwrote, added and removed', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1', b: '1' }));
        await store.commit(SHARD, 2, writesOf({ a: '2', b: undefined, c: '2' }));
        await store.commit(SHARD, 2, [
          ...writesOf({ a: '3' }),
          ...writesOf({ a: '4', c: undefined }),
        ]);
        expect(await store.rollBack(SHARD, 1)).to.equal(true);
        await reopen();
        expect(contentOf(store)).to.deep.equal([
          ['a', '1'],
          ['b', '1'],
        ]);
        expect(store.head(SHARD)).to.deep.equal({ epoch: 1, seq: 1 });
        expect(store.promised(SHARD)).to.equal(2);
        await append(store, { epoch: 3, seq: 2 }, writesOf({ a: '5' }));
        expect(valuesOf(store.since(SHARD, 1))).to.deep.equal({ a: '5' });
      });

      it('removes what was said to be new', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        const added = writesOf({ b: '2' }).map((write) => ({ ...write, isNew: true }));
        await store.commit(SHARD, 1, [...added, ...writesOf({ a: '2' })]);
        expect(valuesOf(store.since(SHARD, 1))).to.deep.equal({ a: '2', b: '2' });
        await store.rollBack(SHARD, 1);
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
      });

      it('undoes commits that overlapped in one turn', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1' }));
        const pending = [
          store.commit(SHARD, 1, writesOf({ a: '2' })),
          store.commit(SHARD, 1, writesOf({ a: '3' })),
        ];
        expect(await store.rollBack(SHARD, 2)).to.equal(true);
        await Promise.all(pending);
        expect(contentOf(store)).to.deep.equal([['a', '2']]);
        await store.rollBack(SHARD, 1);
        expect(contentOf(store)).to.deep.equal([['a', '1']]);
      });

      it('changes nothing where the journal does not reach', async () => {
        await store.install(SHARD, { epoch: 1, seq: 10 }, writesOf({ a: '1' }));
        await store.commit(SHARD, 1, writesOf({ a: '2' }));
        expect(await store.rollBack(SHARD, 9)).to.equal(false);
        expect(await store.rollBack(SHARD, 12)).to.equal(false);
        expect(contentOf(store)).to.deep.equal([['a', '2']]);
      });
    });

    describe('snapshots', () => {
      it('make a copy page by page', async () => {
        const writes = Array.from({ length: 250 }, (_, index) => ({
          key: storeKey('k', index),
          value: bytes(`${index}`),
        }));
        await store.commit(SHARD, 3, writes);
        const pageSizes: number[] = [];
        let from: Uint8Array | undefined = undefined;
        do {
          const page = store.snapshotPage(SHARD, from, 100);
          pageSizes.push(page.writes.length);
          await store.install(
            OTHER_SHARD,
            page.next === undefined ? store.head(SHARD) : { epoch: 0, seq: 0 },
            page.writes,
          );
          from = page.next;
        } while (from !== undefined);
        expect(pageSizes).to.deep.equal([100, 100, 50]);
        await reopen();
        expect(contentOf(store, OTHER_SHARD)).to.deep.equal(contentOf(store, SHARD));
        expect(store.head(OTHER_SHARD)).to.deep.equal({ epoch: 3, seq: 1 });
        expect(store.shards()).to.have.members([SHARD, OTHER_SHARD]);
      });

      it('a delta brings a copy up to date', async () => {
        await store.commit(SHARD, 1, writesOf({ a: '1', b: '1' }));
        await store.install(
          OTHER_SHARD,
          store.head(SHARD),
          store.snapshotPage(SHARD, undefined, 100).writes,
        );
        await store.commit(SHARD, 1, writesOf({ a: undefined, c: '2' }));
        const delta = store.since(SHARD, store.head(OTHER_SHARD).seq);
        await store.install(OTHER_SHARD, delta?.head ?? { epoch: 0, seq: 0 }, delta?.writes ?? []);
        expect(contentOf(store, OTHER_SHARD)).to.deep.equal(contentOf(store, SHARD));
        expect(await store.commit(OTHER_SHARD, 1, [])).to.equal(3);
      });

      it('an install starts the journal anew, so nothing older is answered or mixed in', async () => {
        const long = Array.from({ length: 20 }, (_, index) => ({
          key: storeKey(index),
          value: new Uint8Array(500),
        }));
        await store.commit(SHARD, 1, long);
        await store.commit(SHARD, 1, long);
        await store.install(SHARD, { epoch: 2, seq: 1 }, []);
        expect(store.since(SHARD, 0)).to.equal(undefined);
        await store.commit(SHARD, 2, writesOf({ a: '1' }));
        await reopen();
        expect(valuesOf(store.since(SHARD, 1))).to.deep.equal({ a: '1' });
        expect(store.promised(SHARD)).to.equal(2);
      });
    });
  });
}

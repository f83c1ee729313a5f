/** What every ClientKv promises: K1 to K3, order, long values, crashes. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  CLIENT_VALUE_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../../src/protocol/limits.ts';
import type { ClientKv } from '../../src/persist/client-kv.ts';
import { bytes, codeOf, text, writesOf } from './shard-store-worlds.ts';
import type { StoreWorld } from './shard-store-worlds.ts';

const LENGTHS = [0, 1, 1897, 1898, 1899, STORE_VALUE_BYTES_MAX, 3798, 3799, 20_000];

function pairsOf(
  store: ClientKv,
  options?: { readonly limit?: number; readonly reverse?: boolean },
) {
  return store
    .range(bytes(''), bytes('~'), options)
    .map(([key, value]) => [text(key), value.length] as const);
}

export function clientKvContract(name: string, createWorld: () => StoreWorld): void {
  describe(`ClientKv on ${name}`, () => {
    let world: StoreWorld;
    let store: ClientKv;
    const reopen = async (): Promise<void> => {
      await world.crash();
      store = await world.openClientKv();
    };

    beforeEach(async () => {
      world = createWorld();
      store = await world.openClientKv();
    });
    afterEach(() => world.end());

    it('K1, K2: what resolved is there after a restart', async () => {
      await store.transact(writesOf({ a: '1', b: '1' }));
      await store.transact(writesOf({ a: undefined, c: '2' }));
      await reopen();
      expect(store.get(bytes('a'))).to.equal(undefined);
      expect(pairsOf(store)).to.deep.equal([
        ['b', 1],
        ['c', 1],
      ]);
    });

    it('K1: resolves in the order of the calls', async () => {
      const order: number[] = [];
      await Promise.all(
        [1, 2, 3].map((n) => store.transact(writesOf({ a: `${n}` })).then(() => order.push(n))),
      );
      expect(order).to.deep.equal([1, 2, 3]);
      expect(text(store.get(bytes('a')))).to.equal('3');
    });

    it('shows writes at once', async () => {
      const pending = store.transact(writesOf({ a: '1' }));
      expect(text(store.get(bytes('a')))).to.equal('1');
      expect(pairsOf(store)).to.deep.equal([['a', 1]]);
      await pending;
    });

    it('keeps values of any length up to the largest, and no parts of them between keys', async () => {
      const values = [...LENGTHS, CLIENT_VALUE_BYTES_MAX].map((length) =>
        new Uint8Array(length).fill(length),
      );
      for (const value of values) {
        await store.transact([{ key: bytes('a'), value }, ...writesOf({ 'a\0': 'x', aa: 'y' })]);
        expect(store.get(bytes('a'))).to.deep.equal(value);
        expect(pairsOf(store)).to.deep.equal([
          ['a', value.length],
          ['a\0', 1],
          ['aa', 1],
        ]);
      }
      await store.transact(writesOf({ a: 'short' }));
      await reopen();
      expect(text(store.get(bytes('a')))).to.equal('short');
    });

    it('refuses longer keys and values, and changes nothing', async () => {
      const long = { key: bytes('b'), value: new Uint8Array(CLIENT_VALUE_BYTES_MAX + 1) };
      const wide = { key: new Uint8Array(STORE_KEY_BYTES_MAX + 1), value: undefined };
      for (const write of [long, wide])
        expect(await codeOf(store.transact([...writesOf({ a: '1' }), write]))).to.equal(
          'E_TOO_LARGE',
        );
      expect(pairsOf(store)).to.deep.equal([]);
    });

    it('reads ranges both ways and ends at the limit', async () => {
      await store.transact(writesOf({ a: '1', b: '12', c: '123' }));
      expect(pairsOf(store, { limit: 2 })).to.deep.equal([
        ['a', 1],
        ['b', 2],
      ]);
      expect(pairsOf(store, { limit: 2, reverse: true })).to.deep.equal([
        ['c', 3],
        ['b', 2],
      ]);
      expect(store.range(bytes('b'), bytes('c'))).to.have.length(1);
    });

    it('agrees with a map after any transactions and restarts', async () => {
      const write = fc.record({
        key: fc.constantFrom('a', 'a\0', 'b', 'c'),
        length: fc.option(fc.constantFrom(...LENGTHS), { nil: undefined }),
      });
      const steps = fc.array(
        fc.oneof(fc.array(write, { maxLength: 4 }), fc.constant('restart' as const)),
        { maxLength: 15 },
      );
      await fc.assert(
        fc.asyncProperty(steps, async (run) => {
          const model = new Map<string, number>();
          await store.transact(
            writesOf({ a: undefined, 'a\0': undefined, b: undefined, c: undefined }),
          );
          let last: Promise<void> = Promise.resolve();
          for (const step of run) {
            if (step === 'restart') {
              await last;
              await reopen();
              continue;
            }
            for (const { key, length } of step) {
              if (length === undefined) model.delete(key);
              else model.set(key, length);
            }
            last = store.transact(
              step.map(({ key, length }) => ({
                key: bytes(key),
                value: length === undefined ? undefined : new Uint8Array(length),
              })),
            );
            expect(pairsOf(store)).to.deep.equal([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
          }
        }),
        { numRuns: 30 },
      );
    }).timeout(10_000);

    it('close waits for pending transactions and refuses what comes later', async () => {
      const pending = store.transact(writesOf({ a: '1' }));
      await store.close();
      await pending;
      expect(await codeOf(store.transact(writesOf({ a: '2' })))).to.equal('E_IO');
      expect(() => store.get(bytes('a')))
        .to.throw()
        .with.property('code', 'E_IO');
    });
  });
}

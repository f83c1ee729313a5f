import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../src/ops/clock.ts';
import {
  CHUNKED_VALUE_BYTES_MAX,
  chunkCount,
  chunkWrites,
  rangeChunks,
  readChunks,
} from '../../../src/persist/chunks.ts';
import { after, lastNumber, storeKey } from '../../../src/persist/keys.ts';
import { MemoryDisk } from '../../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../../src/persist/memory-shard-store.ts';
import type { ShardStore } from '../../../src/persist/shard-store.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import { STORE_CHUNKS_MAX, STORE_VALUE_BYTES_MAX } from '../../../src/protocol/limits.ts';

const SHARD = parseShardId(1);

describe('chunks', () => {
  let store: ShardStore;

  beforeEach(async () => {
    store = await createMemoryShardStore({
      clock: systemClock,
      disk: new MemoryDisk(),
      flushDelayMs: () => 0,
    });
  });
  afterEach(() => store.close());

  it('a value read back is the last one written, whatever was there before', async () => {
    const length = fc.option(fc.integer({ min: 0, max: 3 * STORE_VALUE_BYTES_MAX }), {
      nil: undefined,
    });
    const key = storeKey('@bob', 1);
    await fc.assert(
      fc.asyncProperty(fc.array(length, { maxLength: 5 }), async (lengths) => {
        for (const [index, next] of lengths.entries()) {
          const old = chunkCount(readChunks(store, SHARD, key));
          const value = next === undefined ? undefined : new Uint8Array(next).fill(index);
          await store.commit(SHARD, 1, chunkWrites(key, value, old));
          expect(readChunks(store, SHARD, key)).to.deep.equal(value);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('a short value is one write', () => {
    expect(chunkWrites(storeKey('a'), new Uint8Array(STORE_VALUE_BYTES_MAX), 0)).to.have.length(1);
    expect(chunkWrites(storeKey('a'), new Uint8Array(STORE_VALUE_BYTES_MAX + 1), 0)).to.have.length(
      2,
    );
    expect(chunkWrites(storeKey('a'), new Uint8Array(0), 0)).to.have.length(1);
  });

  it('takes the longest value and refuses one byte more', async () => {
    const key = storeKey('a');
    const writes = chunkWrites(key, new Uint8Array(CHUNKED_VALUE_BYTES_MAX), 0);
    expect(writes).to.have.length(STORE_CHUNKS_MAX);
    await store.commit(SHARD, 1, writes);
    expect(readChunks(store, SHARD, key)).to.have.length(CHUNKED_VALUE_BYTES_MAX);
    expect(() => chunkWrites(key, new Uint8Array(CHUNKED_VALUE_BYTES_MAX + 1), 0))
      .to.throw()
      .with.property('code', 'E_TOO_LARGE');
  });

  it('a range answers whole values only, so reading on after the last one misses nothing', async () => {
    const log = storeKey('@bob', 3);
    for (let seq = 1; seq <= 60; seq += 1) {
      const value = new Uint8Array((seq % 20) * STORE_VALUE_BYTES_MAX + seq).fill(seq);
      await store.commit(SHARD, 1, chunkWrites(storeKey('@bob', 3, seq), value, 0));
    }
    const seen: number[] = [];
    for (let from = log; ; from = after(storeKey('@bob', 3, seen.at(-1) ?? 0))) {
      const values = rangeChunks(store, SHARD, { from, to: after(log), limit: 25 });
      if (values.length === 0) break;
      for (const [key, value] of values) {
        const seq = lastNumber(key);
        expect(value).to.deep.equal(
          new Uint8Array((seq % 20) * STORE_VALUE_BYTES_MAX + seq).fill(seq),
        );
        seen.push(seq);
      }
    }
    expect(seen).to.deep.equal(Array.from({ length: 60 }, (_, index) => index + 1));
  });
});

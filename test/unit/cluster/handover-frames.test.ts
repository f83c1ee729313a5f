import { expect } from 'chai';
import fc from 'fast-check';
import { coordinatorCalls } from '../../../src/cluster/coordinator-frames.ts';
import { granted, handoverRequest, paginate } from '../../../src/cluster/handover-frames.ts';
import { itemsOf } from '../../../src/cluster/items.ts';
import { decodeAnswer, routedCall } from '../../../src/cluster/router-frames.ts';
import { decode, encode, encodeRaw } from '../../../src/protocol/codec.ts';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import {
  HANDOVER_PAGE_BYTES_MAX,
  MESH_FRAME_BYTES_MAX,
  STORE_KEY_BYTES_MAX,
  STORE_RANGE_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../../../src/protocol/limits.ts';

const write = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  value: fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined }),
});

describe('payloads of the cluster', () => {
  it('are read or refused, whatever bytes come', () => {
    const readers: ReadonlyArray<(payload: Uint8Array) => unknown> = [
      (payload) => decode(handoverRequest, payload),
      (payload) => decode(granted, payload),
      (payload) => decode(routedCall, payload),
      (payload) => decodeAnswer('append', payload),
      (payload) => coordinatorCalls.parseRequest(itemsOf(payload)),
    ];
    const items = fc.oneof(
      fc.nat(),
      fc.string(),
      fc.uint8Array({ maxLength: 20 }),
      fc.constant(null),
    );
    const almost = fc.array(fc.oneof(items, fc.array(items))).map((raw) => encodeRaw(raw));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), almost), (payload) => {
        for (const read of readers) {
          try {
            read(payload);
          } catch (cause) {
            expect(cause).to.be.instanceOf(FastChatError).with.property('code', 'E_BAD_FRAME');
          }
        }
      }),
    );
  });
});

describe('hand-over messages', () => {
  it('carry any writes unchanged, in pages that together are all of them', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 1200 }), (writes) => {
        const pages = paginate(writes);
        expect(pages.length).to.be.greaterThan(0);
        expect(pages.flat()).to.deep.equal(writes);
        for (const page of pages) {
          expect(page.length).to.be.at.most(STORE_RANGE_MAX);
          const request = {
            type: 'install',
            attempt: new Uint8Array(16),
            shard: parseShardId(3),
            head: { epoch: 1, seq: 2 },
            writes: page,
          } as const;
          expect(decode(handoverRequest, encode(handoverRequest, request))).to.deep.equal(request);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('stay below the page size with the largest keys and values', () => {
    const largest = {
      key: new Uint8Array(STORE_KEY_BYTES_MAX),
      value: new Uint8Array(STORE_VALUE_BYTES_MAX),
    };
    const pages = paginate(Array.from({ length: 600 }, () => largest));
    const sizeOf = (page: (typeof pages)[number]): number =>
      page.length * (STORE_KEY_BYTES_MAX + STORE_VALUE_BYTES_MAX);
    for (const page of pages) expect(sizeOf(page)).to.be.at.most(HANDOVER_PAGE_BYTES_MAX);
    expect(pages.flat()).to.have.length(600);
    expect(HANDOVER_PAGE_BYTES_MAX * 2).to.be.below(MESH_FRAME_BYTES_MAX);
  });
});

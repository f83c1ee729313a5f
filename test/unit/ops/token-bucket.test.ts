import { expect } from 'chai';
import fc from 'fast-check';
import {
  FULL_BUCKET,
  KeyedBuckets,
  perMinute,
  takeToken,
  waitForToken,
} from '../../../src/ops/token-bucket.ts';
import type { Bucket, Rate } from '../../../src/ops/token-bucket.ts';

/** How many tokens come out at `nowMs` before the bucket says no. */
function drainAt(bucket: Bucket, rate: Rate, nowMs: number): { taken: number; bucket: Bucket } {
  let taken = 0;
  let left = bucket;
  while (waitForToken(left, rate, nowMs) === 0) {
    left = takeToken(left, rate, nowMs);
    taken += 1;
  }
  return { taken, bucket: left };
}

describe('token bucket', () => {
  const rate: Rate = { perSecond: 100, burst: 1000 };

  it('gives the burst at once and refuses one more, saying when to come back', () => {
    const { taken, bucket } = drainAt(FULL_BUCKET, rate, 5000);
    expect(taken).to.equal(1000);
    expect(waitForToken(bucket, rate, 5000)).to.equal(10);
    expect(waitForToken(bucket, rate, 5010)).to.equal(0);
  });

  it('is full again after its time, and no fuller', () => {
    const { bucket } = drainAt(FULL_BUCKET, rate, 0);
    expect(drainAt(bucket, rate, 10_000).taken).to.equal(1000);
    expect(drainAt(bucket, rate, 10_000_000).taken).to.equal(1000);
  });

  it('charges several tokens at once', () => {
    const bucket = takeToken(FULL_BUCKET, rate, 0, 999);
    expect(waitForToken(bucket, rate, 0, 1)).to.equal(0);
    expect(waitForToken(bucket, rate, 0, 2)).to.equal(10);
  });

  it('is empty at worst when the clock jumps back', () => {
    const { bucket } = drainAt(FULL_BUCKET, rate, 10_000_000);
    expect(waitForToken(bucket, rate, 0)).to.be.at.most(10);
  });

  it('never gives more than burst + rate x time, nor less than that by more than one', () => {
    const rates = fc.record({
      perSecond: fc.integer({ min: 1, max: 5000 }),
      burst: fc.integer({ min: 1, max: 500 }),
    });
    const gaps = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 });
    fc.assert(
      fc.property(rates, gaps, (some, waits) => {
        let now = 1000;
        let { taken, bucket } = drainAt(FULL_BUCKET, some, now);
        for (const wait of waits) {
          now += wait;
          const drained = drainAt(bucket, some, now);
          bucket = drained.bucket;
          taken += drained.taken;
        }
        const allowance = some.burst + ((now - 1000) * some.perSecond) / 1000;
        expect(taken).to.be.at.most(allowance + 1);
        const isNeverFull = waits.every((wait) => (wait * some.perSecond) / 1000 < some.burst - 1);
        if (isNeverFull) expect(taken).to.be.at.least(allowance - 1);
      }),
    );
  });
});

describe('buckets by key', () => {
  it('are independent of each other', () => {
    const buckets = new KeyedBuckets(perMinute(2), 10);
    expect([1, 2, 3].map(() => buckets.take('a', 0))).to.deep.equal([0, 0, 30_000]);
    expect(buckets.take('b', 0)).to.equal(0);
  });

  it('forget the key drawn from longest ago when there are too many', () => {
    const buckets = new KeyedBuckets(perMinute(1), 2);
    buckets.take('a', 0);
    buckets.take('b', 0);
    buckets.take('c', 0);
    expect(buckets.size).to.equal(2);
    expect(buckets.take('b', 0), 'b is remembered').to.be.greaterThan(0);
    expect(buckets.take('a', 0), 'a was forgotten').to.equal(0);
  });
});

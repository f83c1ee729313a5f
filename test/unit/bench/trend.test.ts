import { expect } from 'chai';
import { trendOf } from '../../../bench/soak/trend.ts';
import { BOUNDS, judge } from '../../../bench/soak/watch.ts';
import type { Look } from '../../../bench/soak/watch.ts';

const MIB = 2 ** 20;

/** An hour of looks at a node whose heap holds `heapMibAt(minute)`. */
function looks(heapMibAt: (minute: number) => number): readonly Look[] {
  return Array.from({ length: 60 }, (_, minute) => ({
    seconds: 60 * minute,
    heapBytes: heapMibAt(minute) * MIB,
    ownBytes: 100 * MIB,
    files: 50,
    lagMs: 1,
  }));
}

const heapBound = BOUNDS.find(({ figure }) => figure === 'heapBytes')!;

describe('the trend of a soak', () => {
  it('is what a line gains over all samples', () => {
    const samples = [3, 5, 7, 9].map((value, index) => ({ seconds: 10 * index, value }));
    expect(trendOf(samples)).eql({ mean: 6, growth: 6 });
    expect(trendOf([]).growth).equal(0);
    expect(trendOf(samples.slice(0, 1))).eql({ mean: 3, growth: 0 });
  });

  it('sees a leak of a few hundred bytes a second', () => {
    const leaking = looks((minute) => 30 + minute / 15);
    expect(judge(leaking, heapBound).isWithin).equal(false);
    expect(judge(leaking, heapBound).text).contains('GROWS');
  });

  it('is not misled by ups and downs', () => {
    const sawtooth = looks((minute) => 30 + (minute % 7));
    expect(judge(sawtooth, heapBound).isWithin).equal(true);
  });
});

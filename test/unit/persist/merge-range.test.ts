import { expect } from 'chai';
import fc from 'fast-check';
import type { Pair } from '../../../src/persist/environment.ts';
import { mergeRange } from '../../../src/persist/merge-range.ts';
import { SortedMap } from '../../../src/persist/sorted-map.ts';
import { WriteOverlay } from '../../../src/persist/write-overlay.ts';

const AREA = 1;
const ALL = { area: AREA, from: new Uint8Array(0), to: undefined };
const letter = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

describe('mergeRange', () => {
  it('reads as if the pending writes were on the disk', () => {
    const pending = fc.array(fc.tuple(letter, fc.boolean()), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.uniqueArray(letter),
        pending,
        fc.nat({ max: 9 }),
        fc.boolean(),
        (disk, writes, limit, reverse) => {
          const overlay = new WriteOverlay();
          const model = new Map(disk.map((key) => [key, 'disk']));
          for (const [key, isPut] of writes) {
            overlay.put(AREA, Buffer.from(key), isPut ? Buffer.from('new') : undefined);
            if (isPut) model.set(key, 'new');
            else model.delete(key);
          }
          const inOrder = (keys: Iterable<string>): string[] =>
            reverse ? [...keys].toSorted().toReversed() : [...keys].toSorted();
          const pairs = inOrder(disk).map((key): Pair => [Buffer.from(key), Buffer.from('disk')]);
          const merged = mergeRange(pairs, overlay.within(ALL, reverse), { limit, reverse });
          const plain = merged.map(([key, value]) => [
            Buffer.from(key).toString(),
            Buffer.from(value).toString(),
          ]);
          const expected = inOrder(model.keys()).map((key) => [key, model.get(key as never)]);
          expect(plain).to.deep.equal(expected.slice(0, limit));
        },
      ),
    );
  });
});

describe('SortedMap', () => {
  it('answers ranges like a sorted list', () => {
    const steps = fc.array(fc.tuple(letter, fc.boolean()));
    fc.assert(
      fc.property(steps, letter, letter, fc.boolean(), (writes, from, to, reverse) => {
        const map = new SortedMap<number>();
        const model = new Set<string>();
        for (const [key, isSet] of writes) {
          if (isSet) model.add(key);
          else model.delete(key);
          if (isSet) map.set(key, 1);
          else map.delete(key);
        }
        const expected = [...model].sort().filter((key) => key >= from && key < to);
        if (reverse) expected.reverse();
        expect([...map.range(from, to, reverse)].map(([key]) => key)).to.deep.equal(expected);
        expect(map.size).to.equal(model.size);
      }),
    );
  });
});

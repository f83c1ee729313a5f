import { expect } from 'chai';
import fc from 'fast-check';
import { SparseMap } from '../../../../src/actors/user/sparse-map.ts';

describe('SparseMap', () => {
  it('holds what a Map holds, in the same order', () => {
    const keys = fc.integer({ min: 0, max: 5 });
    const moves = fc.array(fc.record({ key: keys, value: fc.option(fc.nat()) }));
    fc.assert(
      fc.property(moves, (all) => {
        const map = new Map<number, number>();
        const sparse = new SparseMap<number, number>();
        for (const { key, value } of all) {
          if (value === null) {
            map.delete(key);
            sparse.delete(key);
          } else {
            map.set(key, value);
            sparse.set(key, value);
          }
          expect(sparse.size).equal(map.size);
          expect(sparse.has(key)).equal(map.has(key));
          expect(sparse.get(key)).equal(map.get(key));
        }
        expect([...sparse]).eql([...map]);
        expect([...sparse.keys()]).eql([...map.keys()]);
        expect([...sparse.values()]).eql([...map.values()]);
      }),
    );
  });

  it('lets entries be deleted while it is walked, up to the last', () => {
    const sparse = new SparseMap<string, number>();
    for (const key of ['a', 'b', 'c']) sparse.set(key, 1);
    for (const [key] of sparse) sparse.delete(key);
    expect([...sparse]).eql([]);
  });
});

import { expect } from 'chai';
import fc from 'fast-check';
import { Admission, sourceOf } from '../../../src/net/admission.ts';

function nothing(): void {
  return undefined;
}

describe('Admission', () => {
  it('gives so many places to one source', () => {
    const admission = new Admission({ unauthenticatedMax: 9, unauthenticatedPerSourceMax: 2 });
    const entered = [1, 2, 3].map(() => admission.enter('10.0.0.1', nothing) !== undefined);
    expect(entered).to.deep.equal([true, true, false]);
    expect(admission.enter('10.0.0.2', nothing)).to.not.equal(undefined);
    expect([admission.waiting, admission.refused]).to.deep.equal([3, 1]);
  });

  it('takes a place back once, however often it is freed', () => {
    const admission = new Admission({ unauthenticatedMax: 9, unauthenticatedPerSourceMax: 2 });
    const first = admission.enter('10.0.0.1', nothing);
    admission.enter('10.0.0.1', nothing);
    first?.free();
    first?.free();
    expect(admission.waiting).to.equal(1);
    expect(admission.enter('10.0.0.1', nothing)).to.not.equal(undefined);
    expect(admission.enter('10.0.0.1', nothing)).to.equal(undefined);
  });

  it('when all places are taken, ends the oldest connection of the source that holds most', () => {
    const admission = new Admission({ unauthenticatedMax: 4, unauthenticatedPerSourceMax: 3 });
    const closed: string[] = [];
    const enter = (source: string, name: string): unknown =>
      admission.enter(source, () => closed.push(name));
    enter('10.0.0.2', 'other');
    for (const name of ['first', 'second', 'third']) enter('10.0.0.1', name);
    expect(enter('10.0.0.3', 'newcomer')).to.not.equal(undefined);
    expect(closed).to.deep.equal(['first']);
    expect([admission.waiting, admission.evicted, admission.refused]).to.deep.equal([4, 1, 0]);
  });

  it('when all places are taken, refuses a newcomer whose source holds as many as any', () => {
    const admission = new Admission({ unauthenticatedMax: 4, unauthenticatedPerSourceMax: 3 });
    for (const source of ['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2'])
      admission.enter(source, nothing);
    expect(admission.enter('10.0.0.1', nothing)).to.equal(undefined);
    expect([admission.waiting, admission.evicted, admission.refused]).to.deep.equal([4, 0, 1]);
  });

  it('keeps its counts, and always lets in who holds nothing', () => {
    const source = fc.integer({ min: 1, max: 6 }).map((host) => `10.0.0.${host}`);
    const moves = fc.array(fc.record({ source, leaves: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(moves, (all) => {
        const admission = new Admission({ unauthenticatedMax: 5, unauthenticatedPerSourceMax: 3 });
        const held = new Map<object, string>();
        for (const move of all) {
          const count = [...held.values()].filter((from) => from === move.source).length;
          const place = admission.enter(move.source, () => held.delete(key));
          const key = {};
          if (place !== undefined) held.set(key, move.source);
          if (count === 0) expect(place).to.not.equal(undefined);
          if (move.leaves && place !== undefined) {
            place.free();
            held.delete(key);
          }
          expect(admission.waiting).to.equal(held.size);
          expect(held.size).at.most(5);
        }
      }),
    );
  });
});

describe('sourceOf', () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ];
  for (const [address, source] of cases)
    it(`makes ${source} of ${address}`, () => {
      expect(sourceOf(address)).to.equal(source);
    });
});

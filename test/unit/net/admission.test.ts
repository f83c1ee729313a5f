import { expect } from 'chai';
import { Admission, sourceOf } from '../../../src/net/admission.ts';

describe('Admission', () => {
  it('gives so many places to one source and so many in all', () => {
    const admission = new Admission({ unauthenticatedMax: 3, unauthenticatedPerSourceMax: 2 });
    expect([1, 2, 3].map(() => admission.enter('10.0.0.1') !== undefined)).to.deep.equal([
      true,
      true,
      false,
    ]);
    expect(admission.enter('10.0.0.2')).to.not.equal(undefined);
    expect(admission.enter('10.0.0.3')).to.equal(undefined);
    expect([admission.waiting, admission.refused]).to.deep.equal([3, 2]);
  });

  it('takes a place back once, however often it is freed', () => {
    const admission = new Admission({ unauthenticatedMax: 9, unauthenticatedPerSourceMax: 2 });
    const [first] = [admission.enter('10.0.0.1'), admission.enter('10.0.0.1')];
    first?.free();
    first?.free();
    expect(admission.waiting).to.equal(1);
    expect(admission.enter('10.0.0.1')).to.not.equal(undefined);
    expect(admission.enter('10.0.0.1')).to.equal(undefined);
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

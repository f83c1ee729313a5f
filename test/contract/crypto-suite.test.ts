import { expect } from 'chai';
import { createOpeningSuite } from '../../src/crypto/opening/opening-suite.ts';
import { createTransparentOpeningSuite } from '../../src/crypto/opening/transparent-opening-suite.ts';
import { createTransparentVerifyingSuite } from '../../src/crypto/transparent-suite.ts';
import { createVerifyingSuite } from '../../src/crypto/verifying.ts';
import { seededRandom } from '../../src/ops/random.ts';
import { cryptoSuiteContract } from './crypto-suite.contract.ts';

const transparent = () => createTransparentOpeningSuite(seededRandom(1));

cryptoSuiteContract('libsodium', createOpeningSuite);
cryptoSuiteContract('transparent', () => Promise.resolve(transparent()));

describe('crypto suite: what only one twin promises', () => {
  it('a server has no way to open anything', async () => {
    const opening = ['boxKeyPair', 'seal', 'openSealed', 'encrypt', 'decrypt', 'deriveKey'];
    const servers = [
      await createVerifyingSuite(),
      createTransparentVerifyingSuite(seededRandom(1)),
    ];
    for (const suite of servers) expect(suite).not.to.have.any.keys(...opening);
  });

  it('transparent: the same seed gives the same keys and ciphertexts', () => {
    const run = () => {
      const suite = transparent();
      const key = suite.random(32);
      return [suite.boxKeyPair().publicKey, suite.encrypt('t', key, [], key)];
    };
    expect(run()).to.deep.equal(run());
  });

  it('libsodium, attack 44: refuses to seal to any point of small order', async () => {
    const suite = await createOpeningSuite();
    const points = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      `ec${'ff'.repeat(30)}7f`,
      `ed${'ff'.repeat(30)}7f`,
      `ee${'ff'.repeat(30)}7f`,
    ];
    for (const point of points)
      expect(() => suite.seal(new Uint8Array(8), Buffer.from(point, 'hex')), point)
        .to.throw()
        .with.property('code', 'E_SIGNATURE');
  });

  it('libsodium, attack 45: refuses the second encoding of a signature (S + L)', async () => {
    const suite = await createOpeningSuite();
    const keys = suite.signKeyPair();
    const order = Buffer.from(`edd3f55c1a631258d69cf7a2def9de14${'00'.repeat(15)}10`, 'hex');
    const signature = suite.sign('t', [], keys.privateKey);
    let carry = 0;
    const malleated = signature.map((byte, index) => {
      if (index < 32) return byte;
      carry += byte + order.readUInt8(index - 32);
      const digit = carry & 0xff;
      carry >>= 8;
      return digit;
    });
    expect(suite.verify('t', [], signature, keys.publicKey)).to.equal(true);
    expect(suite.verify('t', [], malleated, keys.publicKey)).to.equal(false);
  });
});

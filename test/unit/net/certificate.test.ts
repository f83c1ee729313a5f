import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import { expect } from 'chai';
import {
  createTlsIdentity,
  identityFingerprint,
  keyFingerprint,
} from '../../../src/net/certificate.ts';
import { seededRandom, systemRandom } from '../../../src/ops/random.ts';

describe('TLS identity', () => {
  it('is a certificate over its own P-256 key, signed by it', () => {
    const identity = createTlsIdentity(systemRandom);
    const certificate = new X509Certificate(identity.cert);
    expect(certificate.verify(certificate.publicKey)).to.equal(true);
    expect(certificate.checkPrivateKey(createPrivateKey(identity.key))).to.equal(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).to.equal('prime256v1');
    expect(certificate.checkIssued(certificate)).to.equal(true);
  });

  it('is valid at any time', () => {
    const certificate = new X509Certificate(createTlsIdentity(systemRandom).cert);
    expect(Date.parse(certificate.validFrom)).to.equal(Date.UTC(1970, 0, 1));
    expect(new Date(certificate.validTo).getUTCFullYear()).to.equal(9999);
  });

  it('has a positive serial number of its own', () => {
    const serials = Array.from(
      { length: 20 },
      (_, seed) => new X509Certificate(createTlsIdentity(seededRandom(seed)).cert).serialNumber,
    );
    expect(new Set(serials).size).to.equal(20);
    for (const serial of serials) expect(serial).to.match(/^[4-7][0-9A-F]{31}$/);
  });

  it('has the SHA-256 of its public key as fingerprint', () => {
    const identity = createTlsIdentity(systemRandom);
    const { publicKey } = new X509Certificate(identity.cert);
    const expected = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest();
    expect(Buffer.from(identityFingerprint(identity))).to.deep.equal(expected);
    expect(Buffer.from(keyFingerprint(publicKey))).to.deep.equal(expected);
  });
});

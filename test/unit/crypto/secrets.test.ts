import { format, inspect } from 'node:util';
import { expect } from 'chai';
import { hex } from '../../../src/crypto/bytes.ts';
import { RecoveryCode } from '../../../src/crypto/opening/recovery-code.ts';
import { createVaultKey } from '../../../src/crypto/opening/vault-key.ts';
import { createVault } from '../../../src/crypto/opening/vault.ts';
import { SecretBytes, SecretKeyPair } from '../../../src/crypto/secrets.ts';
import { SUITES, anyWrapKeys } from './people.ts';

/** Every way in which a byte string or a text usually gets into a log. */
function prints(value: unknown): string {
  return [
    JSON.stringify(value),
    JSON.stringify({ value }),
    inspect(value, { depth: 9, showHidden: true, compact: false }),
    format('%s %o %j', value, value, value),
    String(value),
  ].join('\n');
}

/** How the first bytes of a secret look in any of them. */
function traces(secret: Uint8Array): string[] {
  const head = secret.subarray(0, 6);
  return [
    head.join(','),
    head.join(', '),
    hex(head),
    hex(head).replaceAll(/(..)(?=.)/g, '$1 '),
    Buffer.from(head).toString('base64'),
    Array.from(head, (byte, index) => `"${index}":${byte}`).join(','),
  ];
}

for (const [name, create] of SUITES)
  describe(`secrets (${name})`, () => {
    it('are never printed, whatever prints them', async () => {
      const suite = await create();
      const vault = createVault(suite, 0, anyWrapKeys(suite));
      const vaultKey = createVaultKey(suite);
      const sign = suite.signKeyPair();
      const box = suite.boxKeyPair();
      const holders: Array<[unknown, Uint8Array]> = [
        [vault, vault.identity.privateKey],
        [vault, vault.boxKeys[0]!.keys.privateKey],
        [vaultKey, vaultKey.reveal()],
        [sign, sign.privateKey],
        [box, box.privateKey],
        [[{ deep: [box] }], box.privateKey],
        [new Map([[1, sign]]), sign.privateKey],
      ];
      for (const [holder, secret] of holders) {
        const printed = prints(holder).replaceAll(/\s+/g, ' ');
        for (const trace of traces(secret)) expect(printed).not.to.include(trace);
      }
    });

    it('a recovery code is shown only on request', async () => {
      const code = RecoveryCode.generate(await create());
      expect(prints(code)).not.to.include(code.toText().slice(0, 5));
      expect(prints(code)).to.include('[SecretKey]');
    });
  });

describe('secret holders', () => {
  it('the test above would see a key that is printed', () => {
    const secret = Uint8Array.of(201, 202, 203, 204, 205, 206, 207);
    const printed = prints({ secret }).replaceAll(/\s+/g, ' ');
    expect(traces(secret).some((trace) => printed.includes(trace))).to.equal(true);
  });

  it('keep a copy of their own and forget it when wiped', () => {
    const source = Uint8Array.of(1, 2, 3);
    const secret = new SecretBytes(source);
    source.fill(0);
    expect(secret.reveal()).to.deep.equal(Uint8Array.of(1, 2, 3));
    secret.wipe();
    expect(secret.reveal()).to.deep.equal(new Uint8Array(3));
    const pair = new SecretKeyPair(Uint8Array.of(1), Uint8Array.of(2));
    expect(SecretKeyPair.of(pair)).to.equal(pair);
    pair.wipe();
    expect(pair.privateKey).to.deep.equal(new Uint8Array(1));
  });
});

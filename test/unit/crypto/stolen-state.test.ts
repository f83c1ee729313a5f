/** What a captured ciphertext, and what a stolen device, is still good for: numbers as in docs/SECURITY.md. */
import { expect } from 'chai';
import { createVaultKey } from '../../../src/crypto/opening/vault-key.ts';
import { openVault, sealVault } from '../../../src/crypto/opening/vault-seal.ts';
import { retireBoxKeys, rotateBoxKey } from '../../../src/crypto/opening/vault.ts';
import { boxKeyParts, verifyBoxKey } from '../../../src/crypto/identity.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { SUITES, open, person, recipient, say } from './people.ts';
import type { Person } from './people.ts';

const hello = { type: 'text', text: 'hello' } as const;

for (const [name, create] of SUITES)
  describe(`captured ciphertexts and stolen states (${name})`, () => {
    let suite: OpeningSuite;
    let alice: Person;
    let bob: Person;
    let carol: Person;

    before(async () => {
      suite = await create();
      [alice, bob, carol] = ['alice', 'bob', 'carol'].map((who) => person(suite, who)) as [
        Person,
        Person,
        Person,
      ];
    });

    const rotated = (who: Person): Person => ({
      ...who,
      vault: rotateBoxKey(suite, who.vault, who.user, 1000).vault,
    });

    it('2: the box key of one user, epoch or identity is not passed off as another', () => {
      const { epoch, keys } = bob.vault.boxKeys[0]!;
      const parts = boxKeyParts(bob.user, epoch, keys.publicKey);
      const signature = suite.sign(TAGS.boxKey, parts, bob.vault.identity.privateKey);
      const { publicKey: identity } = bob.vault.identity;
      const key = { epoch, publicKey: keys.publicKey, signature };
      expect(verifyBoxKey(suite, bob.user, identity, key)).to.equal(true);
      expect(verifyBoxKey(suite, carol.user, identity, key), 'another user').to.equal(false);
      expect(verifyBoxKey(suite, bob.user, identity, { ...key, epoch: 2 }), 'later').to.equal(
        false,
      );
      const { publicKey: other } = carol.vault.identity;
      expect(verifyBoxKey(suite, bob.user, other, key), 'another identity').to.equal(false);
    });

    it('13: a captured ciphertext, sealed again without being opened, is refused', () => {
      const envelope = say(suite, alice, bob, hello);
      for (const to of [bob, carol]) {
        const body = suite.seal(envelope.body, recipient(to).box.publicKey);
        const again = { ...envelope, to: to.user, body };
        expect(codeOf(() => open(suite, alice, to, again))).to.be.oneOf([
          'E_SIGNATURE',
          'E_VERSION',
        ]);
      }
    });

    it('13: a captured ciphertext, readdressed as it is, is refused', () => {
      const envelope = say(suite, alice, bob, hello);
      throwsCode(() => open(suite, alice, carol, { ...envelope, to: carol.user }), 'E_DECRYPT');
    });

    it('40: a stolen vault opens nothing that was sealed to a key which was retired before', () => {
      const old = say(suite, alice, bob, hello);
      const later = rotated(bob);
      const stolen = { ...later, vault: retireBoxKeys(later.vault, 2) };
      expect(open(suite, alice, later, old).body, 'before it was retired').to.deep.equal(hello);
      expect(codeOf(() => open(suite, alice, stolen, old))).to.be.oneOf([
        'E_DECRYPT',
        'E_STALE_EPOCH',
      ]);
      const claimed = { ...old, boxEpoch: 2 };
      throwsCode(() => open(suite, alice, stolen, claimed), 'E_DECRYPT');
    });

    it('41: a stolen vault opens nothing that is sealed to a key made later', () => {
      const stolen = bob;
      const later = say(suite, alice, rotated(bob), hello);
      expect(codeOf(() => open(suite, alice, stolen, later))).to.be.oneOf([
        'E_DECRYPT',
        'E_STALE_EPOCH',
      ]);
      throwsCode(() => open(suite, alice, stolen, { ...later, boxEpoch: 1 }), 'E_DECRYPT');
    });

    it('42: a retired key is in no vault any more', () => {
      const key = createVaultKey(suite);
      const user = parseUserId('bob');
      const retired = bob.vault.boxKeys[0]!.keys.privateKey;
      const holds = (vault: Person['vault']): boolean => {
        const { sealed } = sealVault(suite, vault, user, key);
        const opened = openVault(suite, { user, version: vault.version + 1, sealed }, key);
        return opened.boxKeys.some(({ keys }) => Buffer.from(keys.privateKey).equals(retired));
      };
      const { vault } = rotated(bob);
      expect(holds(vault)).to.equal(true);
      expect(holds(retireBoxKeys(vault, 2))).to.equal(false);
    });
  });

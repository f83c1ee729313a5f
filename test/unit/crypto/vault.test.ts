import { expect } from 'chai';
import fc from 'fast-check';
import { RecoveryCode } from '../../../src/crypto/opening/recovery-code.ts';
import {
  createVaultKey,
  passwordKeys,
  recoveryKeys,
  unwrapWithPassword,
  unwrapWithRecoveryCode,
  wrapVaultKey,
} from '../../../src/crypto/opening/vault-key.ts';
import { openVault, sealVault } from '../../../src/crypto/opening/vault-seal.ts';
import {
  boxKeyIsDue,
  boxKeysByEpoch,
  checkPublished,
  createVault,
  currentBoxKey,
  publishedBoxKey,
  retireBoxKeys,
  rotateBoxKey,
} from '../../../src/crypto/opening/vault.ts';
import type { Vault } from '../../../src/crypto/opening/vault.ts';
import type { SecretBytes } from '../../../src/crypto/secrets.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { verifyBoxKey } from '../../../src/crypto/identity.ts';
import { encode } from '../../../src/protocol/codec.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import {
  BOX_KEY_ROTATE_MS,
  VAULT_BOX_KEYS_MAX,
  VAULT_BYTES_MAX,
} from '../../../src/protocol/limits.ts';
import { struct, text } from '../../../src/protocol/schema.ts';
import { TAGS } from '../../../src/crypto/tags.ts';
import { concat, u53Bytes, utf8 } from '../../../src/crypto/bytes.ts';
import { pad } from '../../../src/crypto/opening/padding.ts';
import { codeOf, throwsCode } from './expect-code.ts';
import { SUITES, anyWrapKeys } from './people.ts';

const user = parseUserId('alice');
const bob = parseUserId('bob');

for (const [name, create] of SUITES)
  describe(`vault (${name})`, () => {
    let suite: OpeningSuite;
    let vaultKey: SecretBytes;
    let fresh: Vault;

    before(async () => {
      suite = await create();
      vaultKey = createVaultKey(suite);
      fresh = createVault(suite, 1000, anyWrapKeys(suite));
    });

    const privateKeys = (vault: Vault) =>
      [vault.identity, ...vault.boxKeys.map(({ keys }) => keys)].map((keys) => keys.privateKey);

    it('comes back as it was sealed, one version later', () => {
      const { vault, sealed } = sealVault(suite, fresh, user, vaultKey);
      expect(vault.version).to.equal(1);
      const opened = openVault(suite, { user, version: 1, sealed }, vaultKey);
      expect(opened).to.deep.equal(vault);
      expect(privateKeys(opened)).to.deep.equal(privateKeys(fresh));
    });

    it('attack 17: opens under its own version only', () => {
      const { sealed } = sealVault(suite, fresh, user, vaultKey);
      throwsCode(() => openVault(suite, { user, version: 2, sealed }, vaultKey), 'E_DECRYPT');
    });

    it('attack 18: opens for its own user and with its own key only', () => {
      const { sealed } = sealVault(suite, fresh, user, vaultKey);
      throwsCode(() => openVault(suite, { user: bob, version: 1, sealed }, vaultKey), 'E_DECRYPT');
      const other = createVaultKey(suite);
      throwsCode(() => openVault(suite, { user, version: 1, sealed }, other), 'E_DECRYPT');
    });

    it('attack 20: another format is E_VERSION', () => {
      const { sealed } = sealVault(suite, fresh, user, vaultKey);
      sealed[0] = 3;
      throwsCode(() => openVault(suite, { user, version: 1, sealed }, vaultKey), 'E_VERSION');
    });

    it('attack 45: no bytes and no contents do more than throw a FastChatError', () => {
      const codes = ['E_DECRYPT', 'E_VERSION', 'E_BAD_FRAME'];
      const encrypted = (contents: Uint8Array): Uint8Array => {
        const context = [Uint8Array.of(2), utf8(user), u53Bytes(1)];
        const cipher = suite.encrypt(TAGS.vault, contents, context, vaultKey.reveal());
        return concat(Uint8Array.of(2), cipher);
      };
      const bytes = fc.uint8Array({ maxLength: 300 });
      const hostile = fc.oneof(
        bytes,
        bytes.map((tail) => concat(Uint8Array.of(2), tail)),
        bytes.map(encrypted),
        bytes.map((contents) => encrypted(pad(contents))),
        fc
          .string()
          .map((words) => encrypted(pad(encode(struct({ words: text(9999) }), { words })))),
      );
      fc.assert(
        fc.property(hostile, (sealed) => {
          const code = codeOf(() => openVault(suite, { user, version: 1, sealed }, vaultKey));
          expect(code).to.be.oneOf(codes);
        }),
      );
      const huge = new Uint8Array(VAULT_BYTES_MAX + 1);
      throwsCode(
        () => openVault(suite, { user, version: 1, sealed: huge }, vaultKey),
        'E_BAD_FRAME',
      );
    });

    it('rotates its box key: old messages still open, new ones go to a signed new key', () => {
      const { vault, boxKey } = rotateBoxKey(suite, fresh, user, 2000);
      expect(boxKey.epoch).to.equal(2);
      expect(verifyBoxKey(suite, user, vault.identity.publicKey, boxKey)).to.equal(true);
      expect([...boxKeysByEpoch(vault).keys()]).to.deep.equal([1, 2]);
      expect(currentBoxKey(vault).keys.publicKey).to.deep.equal(boxKey.publicKey);
      expect(fresh.boxKeys).to.have.length(1);
    });

    it('says when the box key is due', () => {
      expect(boxKeyIsDue(fresh, 1000 + BOX_KEY_ROTATE_MS - 1)).to.equal(false);
      expect(boxKeyIsDue(fresh, 1000 + BOX_KEY_ROTATE_MS)).to.equal(true);
    });

    it('retires old box keys but never the current one', () => {
      let vault = fresh;
      for (let epoch = 2; epoch <= 4; epoch++)
        vault = rotateBoxKey(suite, vault, user, epoch).vault;
      const epochs = (min: number) => retireBoxKeys(vault, min).boxKeys.map(({ epoch }) => epoch);
      expect(epochs(1)).to.deep.equal([1, 2, 3, 4]);
      expect(epochs(3)).to.deep.equal([3, 4]);
      expect(epochs(99)).to.deep.equal([4]);
    });

    it('stays below VAULT_BYTES_MAX with the most box keys, and refuses one more with E_TOO_LARGE', () => {
      const { keys } = currentBoxKey(fresh);
      const boxKeys = Array.from({ length: VAULT_BOX_KEYS_MAX }, (_, index) => ({
        epoch: 0xffff_0000 + index,
        madeAt: Number.MAX_SAFE_INTEGER,
        keys,
      }));
      const full = { ...fresh, boxKeys };
      expect(sealVault(suite, full, user, vaultKey).sealed.length).to.be.at.most(VAULT_BYTES_MAX);
      throwsCode(() => rotateBoxKey(suite, full, user, 0), 'E_TOO_LARGE');
    });

    it('attack 17: a rolled back vault does not fit the published keys', () => {
      const published = (vault: Vault) => ({
        identity: vault.identity.publicKey,
        box: publishedBoxKey(suite, vault, user),
      });
      const newer = rotateBoxKey(suite, fresh, user, 2000).vault;
      checkPublished(suite, newer, published(newer));
      checkPublished(suite, newer, published(fresh));
      throwsCode(() => checkPublished(suite, fresh, published(newer)), 'E_VAULT_CONFLICT');
      const other = createVault(suite, 0, anyWrapKeys(suite));
      throwsCode(() => checkPublished(suite, fresh, published(other)), 'E_KEY_CHANGED');
      const forked = { ...published(newer), box: { ...published(newer).box, epoch: 1 } };
      throwsCode(() => checkPublished(suite, newer, forked), 'E_VAULT_CONFLICT');
    });

    it('is opened by the export key of the right password and user', () => {
      const keys = passwordKeys(suite, user, suite.random(64));
      const wrapKeys = { ...anyWrapKeys(suite), password: keys.publicKey };
      const wraps = wrapVaultKey(suite, user, vaultKey, wrapKeys);
      expect(wraps.passwordWrap).to.have.length(112);
      const unwrapped = unwrapWithPassword(suite, user, wraps, keys);
      expect(unwrapped.reveal()).to.deep.equal(vaultKey.reveal());
      const wrong = passwordKeys(suite, user, suite.random(64));
      throwsCode(() => unwrapWithPassword(suite, user, wraps, wrong), 'E_DECRYPT');
      throwsCode(() => unwrapWithPassword(suite, bob, wraps, keys), 'E_DECRYPT');
    });

    it('is opened by its recovery code, as a person types it', () => {
      const code = RecoveryCode.generate(suite);
      const recovery = recoveryKeys(suite, user, code).publicKey;
      const wraps = wrapVaultKey(suite, user, vaultKey, { ...anyWrapKeys(suite), recovery });
      const typed = code.toText().toLowerCase().replaceAll('0', 'o').replaceAll('-', ' ');
      const read = RecoveryCode.parse(suite, typed.replaceAll('1', 'l'));
      const keys = recoveryKeys(suite, user, read);
      const unwrapped = unwrapWithRecoveryCode(suite, user, wraps, keys);
      expect(unwrapped.reveal()).to.deep.equal(vaultKey.reveal());
      const other = recoveryKeys(suite, user, RecoveryCode.generate(suite));
      throwsCode(() => unwrapWithRecoveryCode(suite, user, wraps, other), 'E_DECRYPT');
      throwsCode(() => unwrapWithRecoveryCode(suite, bob, wraps, keys), 'E_DECRYPT');
    });

    it('derives the keys of the wraps anew each time, others for each user, secret and purpose', () => {
      const code = RecoveryCode.generate(suite);
      const secret = code.secret(suite);
      const publicKeys = [
        passwordKeys(suite, user, secret),
        passwordKeys(suite, bob, secret),
        passwordKeys(suite, user, suite.random(64)),
        recoveryKeys(suite, user, code),
      ].map(({ publicKey }) => String(publicKey));
      expect(new Set(publicKeys).size).to.equal(publicKeys.length);
      const again = passwordKeys(suite, user, secret);
      expect(String(again.publicKey)).to.equal(publicKeys[0]);
    });

    it('attack 39: a wrap for one purpose is none for the other, and no sealed box is a wrap', () => {
      const keys = passwordKeys(suite, user, suite.random(64));
      const same = { password: keys.publicKey, recovery: keys.publicKey };
      const { passwordWrap, recoveryWrap } = wrapVaultKey(suite, user, vaultKey, same);
      const swapped = { passwordWrap: recoveryWrap, recoveryWrap: passwordWrap };
      throwsCode(() => unwrapWithPassword(suite, user, swapped, keys), 'E_DECRYPT');
      throwsCode(() => unwrapWithRecoveryCode(suite, user, swapped, keys), 'E_DECRYPT');
      for (const length of [0, 31, 32, 64, 100]) {
        const any = suite.seal(suite.random(length), keys.publicKey);
        const wraps = { passwordWrap: any, recoveryWrap: any };
        throwsCode(() => unwrapWithPassword(suite, user, wraps, keys), 'E_DECRYPT');
      }
    });

    it('a new vault key needs neither secret, and what a revoked device has does not open it', () => {
      const exportKeys = passwordKeys(suite, user, suite.random(64));
      const code = recoveryKeys(suite, user, RecoveryCode.generate(suite));
      const wrapKeys = { password: exportKeys.publicKey, recovery: code.publicKey };
      const known = sealVault(suite, createVault(suite, 0, wrapKeys), user, vaultKey).vault;
      const renewedKey = createVaultKey(suite);
      const wraps = wrapVaultKey(suite, user, renewedKey, known.wrapKeys);
      const rotated = rotateBoxKey(suite, known, user, 1).vault;
      const { sealed } = sealVault(suite, rotated, user, renewedKey);
      const input = { user, version: 2, sealed };
      throwsCode(() => openVault(suite, input, vaultKey), 'E_DECRYPT');
      for (const keys of boxKeysByEpoch(known).values())
        for (const wrap of [wraps.passwordWrap, wraps.recoveryWrap])
          throwsCode(() => suite.openSealed(wrap, keys), 'E_DECRYPT');
      const opened = [
        unwrapWithPassword(suite, user, wraps, exportKeys),
        unwrapWithRecoveryCode(suite, user, wraps, code),
      ].map((key) => openVault(suite, input, key));
      for (const vault of opened) expect(vault.wrapKeys).to.deep.equal(wrapKeys);
    });

    it('tells a mistyped recovery code from a wrong one', () => {
      const shown = RecoveryCode.generate(suite).toText();
      expect(shown).to.match(/^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]{5}$/);
      for (let index = 0; index < shown.length; index++) {
        if (shown[index] === '-') continue;
        const typo = shown[index] === '7' ? '8' : '7';
        const mistyped = shown.slice(0, index) + typo + shown.slice(index + 1);
        throwsCode(() => RecoveryCode.parse(suite, mistyped), 'E_USAGE');
      }
      for (const wrong of ['', shown.slice(1), `${shown}7`, `U${shown.slice(1)}`])
        throwsCode(() => RecoveryCode.parse(suite, wrong), 'E_USAGE');
      fc.assert(
        fc.property(fc.string(), (any) =>
          throwsCode(() => RecoveryCode.parse(suite, any), 'E_USAGE'),
        ),
      );
    });
  });

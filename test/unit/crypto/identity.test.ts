import { expect } from 'chai';
import fc from 'fast-check';
import {
  fingerprint,
  formatFingerprint,
  parseFingerprint,
} from '../../../src/crypto/fingerprint.ts';
import { messageTag, verifyBoxKey } from '../../../src/crypto/identity.ts';
import { publishedBoxKey } from '../../../src/crypto/opening/vault.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';
import { parseMessageId, parseUserId } from '../../../src/protocol/ids.ts';
import { throwsCode } from './expect-code.ts';
import { SUITES, person } from './people.ts';

for (const [name, create] of SUITES)
  describe(`identity (${name})`, () => {
    let suite: OpeningSuite;
    before(async () => {
      suite = await create();
    });

    it('vouches for exactly one box key of one user in one epoch', () => {
      const alice = person(suite, 'alice');
      const identity = alice.vault.identity.publicKey;
      const key = publishedBoxKey(suite, alice.vault, alice.user);
      expect(verifyBoxKey(suite, alice.user, identity, key)).to.equal(true);
      expect(verifyBoxKey(suite, parseUserId('bob'), identity, key)).to.equal(false);
      expect(verifyBoxKey(suite, alice.user, identity, { ...key, epoch: 2 })).to.equal(false);
      const other = suite.boxKeyPair().publicKey;
      const swapped = { ...key, publicKey: other };
      expect(verifyBoxKey(suite, alice.user, identity, swapped)).to.equal(false);
      const stranger = suite.signKeyPair().publicKey;
      expect(verifyBoxKey(suite, alice.user, stranger, key)).to.equal(false);
    });

    it('names a message by sender, recipient and id, in 16 bytes', () => {
      const [alice, bob] = [parseUserId('alice'), parseUserId('bob')];
      const [one, two] = [parseMessageId('1'), parseMessageId('2')];
      const tags = [
        messageTag(suite, alice, bob, one),
        messageTag(suite, alice, bob, two),
        messageTag(suite, bob, alice, one),
      ];
      expect(tags.map((tag) => tag.length)).to.deep.equal([16, 16, 16]);
      expect(new Set(tags.map(String)).size).to.equal(3);
      expect(messageTag(suite, alice, bob, one)).to.deep.equal(tags[0]);
    });

    it('has a fingerprint of 60 digits that names user and key', () => {
      const user = parseUserId('alice');
      const key = suite.signKeyPair().publicKey;
      const digits = fingerprint(suite, user, key);
      expect(digits).to.match(/^\d{60}$/);
      expect(fingerprint(suite, user, key)).to.equal(digits);
      expect(fingerprint(suite, parseUserId('bob'), key)).not.to.equal(digits);
      expect(fingerprint(suite, user, suite.signKeyPair().publicKey)).not.to.equal(digits);
      expect(formatFingerprint(digits)).to.match(/^(\d{5} ){11}\d{5}$/);
    });
  });

describe('fingerprint text', () => {
  const digits = '0123456789'.repeat(6);

  it('is read with any white space and dashes', () => {
    expect(parseFingerprint(formatFingerprint(digits))).to.equal(digits);
    expect(parseFingerprint(` ${digits.replaceAll(/(\d{7})/g, '$1-\n')}\t`)).to.equal(digits);
  });

  it('attack 45: anything else is E_USAGE', () => {
    for (const text of [
      '',
      digits.slice(1),
      `${digits}0`,
      `${digits.slice(1)}x`,
      `${digits.slice(1)}٣`,
    ])
      throwsCode(() => parseFingerprint(text), 'E_USAGE');
    fc.assert(
      fc.property(fc.string(), (text) => throwsCode(() => parseFingerprint(text), 'E_USAGE')),
    );
  });
});

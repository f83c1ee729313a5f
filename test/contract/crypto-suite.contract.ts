import { expect } from 'chai';
import fc from 'fast-check';
import type { OpeningSuite } from '../../src/crypto/suite.ts';
import { utf8 } from '../../src/crypto/bytes.ts';
import { throwsCode } from '../unit/crypto/expect-code.ts';

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
};
const everyByte = (bytes: Uint8Array): number[] =>
  Array.from(bytes, (_, index) => index * 8 + (index % 8));

/** What every opening suite (and so every verifying suite) promises. */
export function cryptoSuiteContract(name: string, create: () => Promise<OpeningSuite>): void {
  describe(`crypto suite: ${name}`, () => {
    let suite: OpeningSuite;
    before(async () => {
      suite = await create();
    });

    describe('hash', () => {
      it('is the same for the same input and has the length asked for', () => {
        for (const length of [16, 32, 64]) {
          const first = suite.hash('t', [utf8('a')], length);
          expect(first).to.have.length(length);
          expect(suite.hash('t', [utf8('a')], length)).to.deep.equal(first);
        }
      });

      it('differs by tag, by content and by where one part ends and the next begins', () => {
        const inputs: Array<[string, string[]]> = [
          ['t', ['ab', 'c']],
          ['t', ['a', 'bc']],
          ['t', ['abc']],
          ['t', ['abc', '']],
          ['t', ['', 'abc']],
          ['ta', ['bc']],
          ['u', ['ab', 'c']],
          ['t', []],
          ['t', ['']],
        ];
        const seen = inputs.map(([tag, parts]) => suite.hash(tag, parts.map(utf8), 32).join());
        expect(new Set(seen).size).to.equal(inputs.length);
      });

      it('changes with every bit of a long input', () => {
        const input = new Uint8Array(300).map((_, index) => index);
        const seen = new Set([suite.hash('t', [input], 16).join()]);
        for (const bit of everyByte(input))
          seen.add(suite.hash('t', [flipped(input, bit)], 16).join());
        expect(seen.size).to.equal(301);
      });

      it('refuses lengths outside 16 to 64', () => {
        throwsCode(() => suite.hash('t', [], 15), 'E_INTERNAL');
        throwsCode(() => suite.hash('t', [], 65), 'E_INTERNAL');
      });
    });

    describe('sign and verify', () => {
      it('accepts what the key signed, and gives 64 bytes', () => {
        const keys = suite.signKeyPair();
        const signature = suite.sign('t', [utf8('a'), utf8('b')], keys.privateKey);
        expect(signature).to.have.length(64);
        expect(suite.verify('t', [utf8('a'), utf8('b')], signature, keys.publicKey)).to.equal(true);
      });

      it('refuses another key, tag, content or split of the content', () => {
        const keys = suite.signKeyPair();
        const signature = suite.sign('t', [utf8('ab'), utf8('c')], keys.privateKey);
        const parts = [utf8('ab'), utf8('c')];
        expect(suite.verify('t', parts, signature, suite.signKeyPair().publicKey)).to.equal(false);
        expect(suite.verify('u', parts, signature, keys.publicKey)).to.equal(false);
        expect(suite.verify('t', [utf8('abc')], signature, keys.publicKey)).to.equal(false);
        expect(suite.verify('t', [utf8('a'), utf8('bc')], signature, keys.publicKey)).to.equal(
          false,
        );
      });

      it('refuses every changed byte of a signature', () => {
        const keys = suite.signKeyPair();
        const signature = suite.sign('t', [], keys.privateKey);
        for (const bit of everyByte(signature))
          expect(suite.verify('t', [], flipped(signature, bit), keys.publicKey)).to.equal(false);
      });

      it('says false, never throws, for malformed keys and signatures', () => {
        const sized = (length: number) =>
          fc.oneof(
            fc.uint8Array({ maxLength: 100 }),
            fc.uint8Array({ minLength: length, maxLength: length }),
          );
        fc.assert(
          fc.property(sized(64), sized(32), (sig, key) => !suite.verify('t', [], sig, key)),
        );
      });

      it('attack 44: no signature fits a public key of small order', () => {
        const identityPoint = Uint8Array.of(1, ...new Uint8Array(31));
        for (const key of [new Uint8Array(32), identityPoint])
          for (const point of [new Uint8Array(32), identityPoint])
            for (let message = 0; message < 16; message++) {
              const signature = Uint8Array.of(...point, ...new Uint8Array(32));
              expect(suite.verify('t', [Uint8Array.of(message)], signature, key)).to.equal(false);
            }
      });
    });

    describe('seal', () => {
      it('opens with the right keys and is 48 bytes longer', () => {
        const keys = suite.boxKeyPair();
        for (const length of [0, 1, 500, 70_000]) {
          const plain = new Uint8Array(length).fill(7);
          const sealed = suite.seal(plain, keys.publicKey);
          expect(sealed).to.have.length(length + 48);
          expect(suite.openSealed(sealed, keys)).to.deep.equal(plain);
        }
      });

      it('refuses another recipient, damage and truncation with E_DECRYPT', () => {
        const keys = suite.boxKeyPair();
        const other = suite.boxKeyPair();
        const sealed = suite.seal(utf8('a secret'), keys.publicKey);
        throwsCode(() => suite.openSealed(sealed, other), 'E_DECRYPT');
        const mixed = { publicKey: keys.publicKey, privateKey: other.privateKey };
        throwsCode(() => suite.openSealed(sealed, mixed), 'E_DECRYPT');
        for (const bit of everyByte(sealed))
          throwsCode(() => suite.openSealed(flipped(sealed, bit), keys), 'E_DECRYPT');
        for (const length of [0, 1, 47, 48, sealed.length - 1])
          throwsCode(() => suite.openSealed(sealed.subarray(0, length), keys), 'E_DECRYPT');
      });

      it('attack 44: refuses to seal to the all-zero key and to a key of wrong length', () => {
        throwsCode(() => suite.seal(utf8('a'), new Uint8Array(32)), 'E_SIGNATURE');
        throwsCode(() => suite.seal(utf8('a'), new Uint8Array(31)), 'E_SIGNATURE');
      });
    });

    describe('encrypt and decrypt', () => {
      const context = [utf8('@alice'), utf8('1')];
      const key = new Uint8Array(32).fill(9);

      it('opens with the same key, tag and context, and is 72 bytes longer', () => {
        for (const length of [0, 1, 500]) {
          const plain = new Uint8Array(length).fill(3);
          const cipher = suite.encrypt('t', plain, context, key);
          expect(cipher).to.have.length(length + 72);
          expect(suite.decrypt('t', cipher, context, key)).to.deep.equal(plain);
        }
      });

      it('never gives the same ciphertext twice', () => {
        const once = suite.encrypt('t', utf8('a'), context, key);
        expect(suite.encrypt('t', utf8('a'), context, key)).not.to.deep.equal(once);
      });

      it('refuses another key, tag or context with E_DECRYPT', () => {
        const cipher = suite.encrypt('t', utf8('a'), context, key);
        const otherKey = new Uint8Array(32).fill(8);
        throwsCode(() => suite.decrypt('t', cipher, context, otherKey), 'E_DECRYPT');
        throwsCode(() => suite.decrypt('t', cipher, context, otherKey.subarray(1)), 'E_DECRYPT');
        throwsCode(() => suite.decrypt('u', cipher, context, key), 'E_DECRYPT');
        throwsCode(() => suite.decrypt('t', cipher, [], key), 'E_DECRYPT');
        throwsCode(() => suite.decrypt('t', cipher, [utf8('@alice1')], key), 'E_DECRYPT');
      });

      it('refuses damage anywhere and truncation with E_DECRYPT', () => {
        const cipher = suite.encrypt('t', utf8('a secret'), context, key);
        for (const bit of everyByte(cipher))
          throwsCode(() => suite.decrypt('t', flipped(cipher, bit), context, key), 'E_DECRYPT');
        for (const length of [0, 23, 55, 71, cipher.length - 1])
          throwsCode(
            () => suite.decrypt('t', cipher.subarray(0, length), context, key),
            'E_DECRYPT',
          );
      });

      it('attack 28: a ciphertext commits to its key', () => {
        const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
        const first = suite.encrypt('t', utf8('a'), [], one);
        const second = suite.encrypt('t', utf8('b'), [], two);
        const spliced = Uint8Array.of(...first.subarray(0, 56), ...second.subarray(56));
        throwsCode(() => suite.decrypt('t', spliced, [], one), 'E_DECRYPT');
        throwsCode(() => suite.decrypt('t', spliced, [], two), 'E_DECRYPT');
      });
    });

    it('derives different keys for different purposes, secrets and contexts', () => {
      const secret = new Uint8Array(32).fill(5);
      const keys = [
        suite.deriveKey('t', secret, []),
        suite.deriveKey('u', secret, []),
        suite.deriveKey('t', secret, [utf8('a')]),
        suite.deriveKey('t', new Uint8Array(32).fill(6), []),
        suite.deriveKey('t', new Uint8Array(64).fill(5), []),
      ];
      for (const key of keys) expect(key).to.have.length(32);
      expect(new Set(keys.map(String)).size).to.equal(keys.length);
      expect(suite.deriveKey('t', secret, [])).to.deep.equal(keys[0]);
    });

    it('compares by content and length', () => {
      expect(suite.equal(utf8('abc'), utf8('abc'))).to.equal(true);
      expect(suite.equal(utf8('abc'), utf8('abd'))).to.equal(false);
      expect(suite.equal(utf8('abc'), utf8('ab'))).to.equal(false);
      expect(suite.equal(utf8(''), utf8(''))).to.equal(true);
    });

    it('makes the same box keys from the same seed, and usable ones', () => {
      const seed = suite.random(32);
      const keys = suite.boxKeyPair(seed);
      const again = suite.boxKeyPair(Uint8Array.from(seed));
      const { publicKey, privateKey } = again;
      expect(publicKey).to.deep.equal(keys.publicKey);
      expect(privateKey).to.deep.equal(keys.privateKey);
      expect([publicKey.length, privateKey.length]).to.deep.equal([32, 32]);
      expect(privateKey).not.to.deep.equal(seed);
      expect(suite.openSealed(suite.seal(utf8('a'), publicKey), keys)).to.deep.equal(utf8('a'));
      expect(suite.boxKeyPair(flipped(seed, 7)).publicKey).not.to.deep.equal(publicKey);
      for (const length of [0, 31, 33])
        throwsCode(() => suite.boxKeyPair(new Uint8Array(length)), 'E_INTERNAL');
    });

    it('gives fresh keys and chance of the sizes of libsodium', () => {
      const sign = suite.signKeyPair();
      const box = suite.boxKeyPair();
      expect([sign.publicKey.length, sign.privateKey.length]).to.deep.equal([32, 64]);
      expect([box.publicKey.length, box.privateKey.length]).to.deep.equal([32, 32]);
      expect(suite.signKeyPair().publicKey).not.to.deep.equal(sign.publicKey);
      expect(suite.boxKeyPair().publicKey).not.to.deep.equal(box.publicKey);
      expect(suite.random(40)).to.have.length(40);
      expect(suite.random(16)).not.to.deep.equal(suite.random(16));
    });
  });
}

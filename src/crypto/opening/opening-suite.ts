/** What only clients have: the verifying half and everything that opens, over libsodium. */
import sodium from 'libsodium-wrappers';
import { FastChatError, invariant } from '../../protocol/errors.ts';
import { concat, framed } from '../bytes.ts';
import { SecretKeyPair } from '../secrets.ts';
import {
  BOX_SEED_BYTES,
  COMMITMENT_BYTES,
  ENCRYPTION_BYTES,
  HASH_BYTES_MAX,
  NONCE_BYTES,
  SYMMETRIC_KEY_BYTES,
} from '../sizes.ts';
import type { KeyPair, OpeningSuite, VerifyingSuite } from '../suite.ts';
import { createVerifyingSuite } from '../verifying.ts';

function boxKeyPair(seed?: Uint8Array): SecretKeyPair {
  invariant(seed === undefined || seed.length === BOX_SEED_BYTES, 'a seed has 32 bytes');
  const { publicKey, privateKey } =
    seed === undefined ? sodium.crypto_box_keypair() : sodium.crypto_box_seed_keypair(seed);
  return new SecretKeyPair(publicKey, privateKey);
}

function seal(plain: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return sodium.crypto_box_seal(plain, publicKey);
  } catch (cause) {
    throw new FastChatError('E_SIGNATURE', 'the recipient published an unusable box key', {
      cause,
    });
  }
}

function openSealed(sealed: Uint8Array, keys: KeyPair): Uint8Array {
  try {
    return sodium.crypto_box_seal_open(sealed, keys.publicKey, keys.privateKey);
  } catch (cause) {
    throw new FastChatError('E_DECRYPT', 'not sealed to this key, or damaged', { cause });
  }
}

/**
 * One hash gives the key of the cipher and the commitment to (key, tag, nonce, context), so a ciphertext that opens
 * under two keys or in two contexts needs a collision of BLAKE2b.
 */
function split(
  header: Uint8Array,
  key: Uint8Array,
): { cipherKey: Uint8Array; commitment: Uint8Array } {
  const both = sodium.crypto_generichash(HASH_BYTES_MAX, header, key);
  return {
    cipherKey: both.subarray(0, SYMMETRIC_KEY_BYTES),
    commitment: both.subarray(SYMMETRIC_KEY_BYTES),
  };
}

function encryptWith(
  nonce: Uint8Array,
  header: Uint8Array,
  plain: Uint8Array,
  key: Uint8Array,
): Uint8Array {
  invariant(key.length === SYMMETRIC_KEY_BYTES, 'a key has 32 bytes');
  const { cipherKey, commitment } = split(header, key);
  const cipher = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    plain,
    header,
    null,
    nonce,
    cipherKey,
  );
  return concat(nonce, commitment, cipher);
}

function decryptWith(
  suite: VerifyingSuite,
  tag: string,
  cipher: Uint8Array,
  keyed: { readonly context: readonly Uint8Array[]; readonly key: Uint8Array },
): Uint8Array {
  if (cipher.length < ENCRYPTION_BYTES || keyed.key.length !== SYMMETRIC_KEY_BYTES)
    throw new FastChatError('E_DECRYPT', 'too short to be encrypted');
  const nonce = cipher.subarray(0, NONCE_BYTES);
  const header = framed(tag, [nonce, ...keyed.context]);
  const { cipherKey, commitment } = split(header, keyed.key);
  const claimed = cipher.subarray(NONCE_BYTES, NONCE_BYTES + COMMITMENT_BYTES);
  if (!suite.equal(commitment, claimed))
    throw new FastChatError('E_DECRYPT', 'encrypted with another key or for another context');
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
      null,
      cipher.subarray(NONCE_BYTES + COMMITMENT_BYTES),
      header,
      nonce,
      cipherKey,
    );
  } catch (cause) {
    throw new FastChatError('E_DECRYPT', 'damaged', { cause });
  }
}

function deriveKey(tag: string, secret: Uint8Array, context: readonly Uint8Array[]): Uint8Array {
  invariant(
    secret.length >= SYMMETRIC_KEY_BYTES && secret.length <= HASH_BYTES_MAX,
    'a secret has 32 to 64 bytes',
  );
  return sodium.crypto_generichash(SYMMETRIC_KEY_BYTES, framed(tag, context), secret);
}

/** Resolves when libsodium is loaded. */
export async function createOpeningSuite(): Promise<OpeningSuite> {
  const suite = await createVerifyingSuite();
  return {
    ...suite,
    boxKeyPair,
    seal,
    openSealed,
    encrypt(tag, plain, context, key) {
      const nonce = suite.random(NONCE_BYTES);
      return encryptWith(nonce, framed(tag, [nonce, ...context]), plain, key);
    },
    decrypt: (tag, cipher, context, key) => decryptWith(suite, tag, cipher, { context, key }),
    deriveKey,
  };
}

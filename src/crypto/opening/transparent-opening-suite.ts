/** The simulated twin of the opening half; see `transparent-suite.ts` for what it checks and what it does not give. */
import { FastChatError, invariant } from '../../protocol/errors.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { concat } from '../bytes.ts';
import { SecretKeyPair } from '../secrets.ts';
import {
  BOX_PRIVATE_KEY_BYTES,
  BOX_SEED_BYTES,
  COMMITMENT_BYTES,
  ENCRYPTION_BYTES,
  NONCE_BYTES,
  PUBLIC_KEY_BYTES,
  SEAL_BYTES,
  SYMMETRIC_KEY_BYTES,
} from '../sizes.ts';
import type { KeyPair, OpeningSuite } from '../suite.ts';
import { transparentHash } from '../transparent-hash.ts';
import { createTransparentVerifyingSuite } from '../transparent-suite.ts';
import type { ByteSource } from '../transparent-suite.ts';

const CHECK_BYTES = SEAL_BYTES - PUBLIC_KEY_BYTES;
const PLAIN_START = NONCE_BYTES + COMMITMENT_BYTES;

function boxPublicOf(privateKey: Uint8Array): Uint8Array {
  return transparentHash('box public key', [privateKey], PUBLIC_KEY_BYTES);
}

function sealCheck(publicKey: Uint8Array, plain: Uint8Array): Uint8Array {
  return transparentHash('seal', [publicKey, plain], CHECK_BYTES);
}

/** Public key, check, then the content as it is. */
function seal(plain: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== PUBLIC_KEY_BYTES || publicKey.every((byte) => byte === 0))
    throw new FastChatError('E_SIGNATURE', 'the recipient published an unusable box key');
  return concat(publicKey, sealCheck(publicKey, plain), plain);
}

function openSealed(sealed: Uint8Array, keys: KeyPair): Uint8Array {
  const publicKey = sealed.subarray(0, PUBLIC_KEY_BYTES);
  const plain = sealed.slice(SEAL_BYTES);
  const fits =
    sealed.length >= SEAL_BYTES &&
    sameBytes(publicKey, keys.publicKey) &&
    sameBytes(publicKey, boxPublicOf(keys.privateKey)) &&
    sameBytes(sealed.subarray(PUBLIC_KEY_BYTES, SEAL_BYTES), sealCheck(publicKey, plain));
  if (!fits) throw new FastChatError('E_DECRYPT', 'not sealed to this key, or damaged');
  return plain;
}

function commitTo(
  tag: string,
  key: Uint8Array,
  nonce: Uint8Array,
  context: readonly Uint8Array[],
): Uint8Array {
  return transparentHash(`commit ${tag}`, [key, nonce, ...context], COMMITMENT_BYTES);
}

function encryptionCheck(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return transparentHash('encrypt', [key, nonce, plain], ENCRYPTION_BYTES - PLAIN_START);
}

const decrypt: OpeningSuite['decrypt'] = (tag, cipher, context, key) => {
  const nonce = cipher.subarray(0, NONCE_BYTES);
  const plainEnd = cipher.length - (ENCRYPTION_BYTES - PLAIN_START);
  const plain = cipher.slice(PLAIN_START, Math.max(PLAIN_START, plainEnd));
  const fits =
    cipher.length >= ENCRYPTION_BYTES &&
    key.length === SYMMETRIC_KEY_BYTES &&
    sameBytes(cipher.subarray(NONCE_BYTES, PLAIN_START), commitTo(tag, key, nonce, context)) &&
    sameBytes(cipher.subarray(plainEnd), encryptionCheck(key, nonce, plain));
  if (!fits) throw new FastChatError('E_DECRYPT', 'another key, another context, or damaged');
  return plain;
};

/** The twin of `createOpeningSuite`; ready at once. */
export function createTransparentOpeningSuite(random: ByteSource): OpeningSuite {
  return {
    ...createTransparentVerifyingSuite(random),
    boxKeyPair(seed) {
      invariant(seed === undefined || seed.length === BOX_SEED_BYTES, 'a seed has 32 bytes');
      const privateKey =
        seed === undefined
          ? random.bytes(BOX_PRIVATE_KEY_BYTES)
          : transparentHash('box private key', [seed], BOX_PRIVATE_KEY_BYTES);
      return new SecretKeyPair(boxPublicOf(privateKey), privateKey);
    },
    seal,
    openSealed,
    encrypt(tag, plain, context, key) {
      invariant(key.length === SYMMETRIC_KEY_BYTES, 'a key has 32 bytes');
      const nonce = random.bytes(NONCE_BYTES);
      const check = encryptionCheck(key, nonce, plain);
      return concat(nonce, commitTo(tag, key, nonce, context), plain, check);
    },
    decrypt,
    deriveKey(tag, secret, context) {
      invariant(secret.length >= SYMMETRIC_KEY_BYTES, 'a secret has at least 32 bytes');
      return transparentHash(`derive ${tag}`, [secret, ...context], SYMMETRIC_KEY_BYTES);
    },
  };
}

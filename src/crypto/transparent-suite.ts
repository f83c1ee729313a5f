/**
 * The simulated twin of the verifying half: repeatable from a source of chance, ten to two hundred times as fast, with
 * the sizes of the real one. It still refuses wrong keys, wrong tags and changed bytes, so that mistakes in the logic
 * show; it gives no secrecy and no protection against forgers.
 */
import { invariant } from '../protocol/errors.ts';
import { sameBytes } from '../protocol/same-bytes.ts';
import { concat } from './bytes.ts';
import { SecretKeyPair } from './secrets.ts';
import {
  HASH_BYTES_MAX,
  HASH_BYTES_MIN,
  PUBLIC_KEY_BYTES,
  SIGNATURE_BYTES,
  SIGN_PRIVATE_KEY_BYTES,
} from './sizes.ts';
import type { VerifyingSuite } from './suite.ts';
import { transparentHash } from './transparent-hash.ts';

/** A seeded source of chance; any `Random` will do. */
export interface ByteSource {
  bytes(count: number): Uint8Array;
}

function publicOf(seed: Uint8Array): Uint8Array {
  return transparentHash('sign public key', [seed], PUBLIC_KEY_BYTES);
}

function hash(tag: string, parts: readonly Uint8Array[], length: number): Uint8Array {
  invariant(length >= HASH_BYTES_MIN && length <= HASH_BYTES_MAX, 'a hash has 16 to 64 bytes');
  return transparentHash(`hash ${tag}`, parts, length);
}

function signatureOf(tag: string, parts: readonly Uint8Array[], publicKey: Uint8Array): Uint8Array {
  return transparentHash(`sign ${tag}`, [publicKey, ...parts], SIGNATURE_BYTES);
}

function sign(tag: string, parts: readonly Uint8Array[], privateKey: Uint8Array): Uint8Array {
  invariant(privateKey.length === SIGN_PRIVATE_KEY_BYTES, 'a signing key has 64 bytes');
  const publicKey = privateKey.subarray(PUBLIC_KEY_BYTES);
  invariant(
    sameBytes(publicKey, publicOf(privateKey.subarray(0, PUBLIC_KEY_BYTES))),
    'the halves of a signing key belong together',
  );
  return signatureOf(tag, parts, publicKey);
}

/** The twin of `createVerifyingSuite`; ready at once. */
export function createTransparentVerifyingSuite(random: ByteSource): VerifyingSuite {
  return {
    hash,
    sign,
    verify: (tag, parts, signature, publicKey) =>
      publicKey.length === PUBLIC_KEY_BYTES &&
      sameBytes(signature, signatureOf(tag, parts, publicKey)),
    signKeyPair() {
      const seed = random.bytes(PUBLIC_KEY_BYTES);
      const publicKey = publicOf(seed);
      return new SecretKeyPair(publicKey, concat(seed, publicKey));
    },
    equal: sameBytes,
    random: (count) => random.bytes(count),
  };
}

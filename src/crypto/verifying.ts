/**
 * The half of the cryptography that servers have, over libsodium. It checks and signs; it cannot open anything.
 * Signatures stay with libsodium although Node has Ed25519 too: Node's verification costs the same and accepts public
 * keys of small order, with which one signature fits many messages.
 */
import sodium from 'libsodium-wrappers';
import { invariant } from '../protocol/errors.ts';
import { framed } from './bytes.ts';
import { SecretKeyPair } from './secrets.ts';
import {
  HASH_BYTES_MAX,
  HASH_BYTES_MIN,
  PUBLIC_KEY_BYTES,
  SIGNATURE_BYTES,
  SIGNED_HASH_BYTES,
  SIGN_PRIVATE_KEY_BYTES,
} from './sizes.ts';
import type { VerifyingSuite } from './suite.ts';

/** Web Crypto fills at most this many bytes in one call. */
const RANDOM_BYTES_MAX = 65_536;

function hash(tag: string, parts: readonly Uint8Array[], length: number): Uint8Array {
  invariant(length >= HASH_BYTES_MIN && length <= HASH_BYTES_MAX, 'a hash has 16 to 64 bytes');
  return sodium.crypto_generichash(length, framed(tag, parts), null);
}

function verify(
  tag: string,
  parts: readonly Uint8Array[],
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return false;
  const digest = hash(tag, parts, SIGNED_HASH_BYTES);
  return sodium.crypto_sign_verify_detached(signature, digest, publicKey);
}

function sign(tag: string, parts: readonly Uint8Array[], privateKey: Uint8Array): Uint8Array {
  invariant(privateKey.length === SIGN_PRIVATE_KEY_BYTES, 'a signing key has 64 bytes');
  return sodium.crypto_sign_detached(hash(tag, parts, SIGNED_HASH_BYTES), privateKey);
}

function signKeyPair(): SecretKeyPair {
  const { publicKey, privateKey } = sodium.crypto_sign_keypair();
  return new SecretKeyPair(publicKey, privateKey);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sodium.memcmp(a, b);
}

/** From Web Crypto: the same system source as libsodium's, without the way through WebAssembly (2 µs against 39). */
function random(count: number): Uint8Array {
  invariant(count <= RANDOM_BYTES_MAX, 'at most 64 KiB of chance at once');
  return globalThis.crypto.getRandomValues(new Uint8Array(count));
}

/** Resolves when libsodium is loaded. */
export async function createVerifyingSuite(): Promise<VerifyingSuite> {
  await sodium.ready;
  return { hash, verify, sign, signKeyPair, equal, random };
}

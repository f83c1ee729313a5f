/** The secret-key cryptography of joining. Every use of the token's secret has its own domain tag. */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { encodeRaw } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';

/** Both sides' contributions to one exchange: no two exchanges have the same. */
export interface JoinNonces {
  readonly joining: Uint8Array;
  readonly cluster: Uint8Array;
}

const PROOF_TAG = 'fastchat/join/proof/1';
const SEAL_TAG = 'fastchat/join/seal/1';
const CIPHER = 'aes-256-gcm';
const GCM_TAG_BYTES = 16;
/** A key seals one grant, so the nonce may be constant. */
const GCM_NONCE = new Uint8Array(12);

function mac(secret: Uint8Array, tag: string, parts: readonly Uint8Array[]): Uint8Array {
  // msgpack carries the lengths, so no two lists of parts have the same bytes.
  const digest = createHmac('sha256', secret)
    .update(encodeRaw([tag, ...parts]))
    .digest();
  return Uint8Array.from(digest);
}

/** Shows knowledge of the secret; covers the member record's bytes (name and CURVE key among them) as they travel. */
export function proveJoin(secret: Uint8Array, nonces: JoinNonces, member: Uint8Array): Uint8Array {
  return mac(secret, PROOF_TAG, [nonces.joining, nonces.cluster, member]);
}

/** In constant time. */
export function isJoinProof(expected: Uint8Array, given: Uint8Array): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** Encrypts the grant for the one who asked in this exchange. */
export function sealGrant(secret: Uint8Array, nonces: JoinNonces, grant: Uint8Array): Uint8Array {
  const key = mac(secret, SEAL_TAG, [nonces.joining, nonces.cluster]);
  const cipher = createCipheriv(CIPHER, key, GCM_NONCE);
  const sealed = Buffer.concat([cipher.update(grant), cipher.final(), cipher.getAuthTag()]);
  return Uint8Array.from(sealed);
}

/** @throws E_AUTH: it was not sealed by a holder of the secret in this exchange */
export function openGrant(secret: Uint8Array, nonces: JoinNonces, sealed: Uint8Array): Uint8Array {
  const key = mac(secret, SEAL_TAG, [nonces.joining, nonces.cluster]);
  try {
    const decipher = createDecipheriv(CIPHER, key, GCM_NONCE, { authTagLength: GCM_TAG_BYTES });
    const end = sealed.length - GCM_TAG_BYTES;
    decipher.setAuthTag(sealed.subarray(Math.max(0, end)));
    const opened = [decipher.update(sealed.subarray(0, Math.max(0, end))), decipher.final()];
    return Uint8Array.from(Buffer.concat(opened));
  } catch (cause) {
    throw new FastChatError('E_AUTH', 'the grant was not made for this join token', { cause });
  }
}

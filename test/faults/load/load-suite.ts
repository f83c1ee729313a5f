/**
 * The cryptography of users under load: signatures and hashes are real, because nodes check some of them and the account
 * is as large as any; seals and encryptions only have the right size, because no node can look inside. It takes most of
 * the cost of a user away, so that the load process does not take the nodes' share of a small machine.
 */
import { TAGS } from '../../../src/crypto/tags.ts';
import { ENCRYPTION_BYTES, SEAL_BYTES, SIGNATURE_BYTES } from '../../../src/crypto/sizes.ts';
import type { OpeningSuite } from '../../../src/crypto/suite.ts';

/** What only the recipient's client ever verifies. */
const SEEN_BY_CLIENTS_ONLY: ReadonlySet<string> = new Set([
  TAGS.direct,
  TAGS.selfSync,
  TAGS.groupMessage,
]);
/** An all-zero start of a seal is refused as a damaged one somewhere: this is none. */
const FILLING = 0x5a;

function wrap(plain: Uint8Array, overhead: number): Uint8Array {
  const wrapped = Buffer.allocUnsafe(overhead + plain.length).fill(FILLING, 0, overhead);
  wrapped.set(plain, overhead);
  return wrapped;
}

export function createLoadSuite(real: OpeningSuite): OpeningSuite {
  return {
    ...real,
    sign: (tag, parts, privateKey) =>
      SEEN_BY_CLIENTS_ONLY.has(tag)
        ? new Uint8Array(SIGNATURE_BYTES).fill(FILLING)
        : real.sign(tag, parts, privateKey),
    verify: (tag, parts, signature, publicKey) =>
      SEEN_BY_CLIENTS_ONLY.has(tag) || real.verify(tag, parts, signature, publicKey),
    seal: (plain) => wrap(plain, SEAL_BYTES),
    openSealed: (sealed) => sealed.subarray(SEAL_BYTES),
    encrypt: (_tag, plain) => wrap(plain, ENCRYPTION_BYTES),
    decrypt: (_tag, cipher) => cipher.subarray(ENCRYPTION_BYTES),
  };
}

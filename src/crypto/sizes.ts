/** Sizes in bytes of keys and seals; fixed by the algorithms, the same in the simulated twin. */
export const PUBLIC_KEY_BYTES = 32;
/** An Ed25519 private key as libsodium keeps it: the seed and the public key. */
export const SIGN_PRIVATE_KEY_BYTES = 64;
export const BOX_PRIVATE_KEY_BYTES = 32;
export const BOX_SEED_BYTES = 32;
export const SIGNATURE_BYTES = 64;
/** A signature covers a hash of this size. */
export const SIGNED_HASH_BYTES = 64;
/** A sealed box is longer than its content by an ephemeral public key and a check. */
export const SEAL_BYTES = 48;
export const SYMMETRIC_KEY_BYTES = 32;
export const NONCE_BYTES = 24;
export const COMMITMENT_BYTES = 32;
const MAC_BYTES = 16;
/** `encrypt` adds nonce, key commitment and check. */
export const ENCRYPTION_BYTES = NONCE_BYTES + COMMITMENT_BYTES + MAC_BYTES;
/** What `hash` may give, and how long a secret that keys are derived from may be. */
export const HASH_BYTES_MIN = 16;
export const HASH_BYTES_MAX = 64;

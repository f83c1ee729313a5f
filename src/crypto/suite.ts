/**
 * The primitives that everything else in `crypto/` is written in, so that one set of rules runs over libsodium in
 * production and over a transparent twin in simulation. Keys, signatures and nonces have libsodium's sizes in both.
 * The suite is split in two: servers get `VerifyingSuite`, which cannot open anything.
 */

export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

/** What a server may do. */
export interface VerifyingSuite {
  /** BLAKE2b of `parts` with a domain `tag`; every part is length-prefixed, so no two lists collide. `length` 16 to 64 bytes. */
  hash(tag: string, parts: readonly Uint8Array[], length: number): Uint8Array;
  /** Ed25519 over hash(tag, parts, 64). Never throws: malformed keys or signatures are false. */
  verify(
    tag: string,
    parts: readonly Uint8Array[],
    signature: Uint8Array,
    publicKey: Uint8Array,
  ): boolean;
  /** Ed25519 over hash(tag, parts, 64): 64 bytes. Servers sign tickets and invitations with the cluster's key. */
  sign(tag: string, parts: readonly Uint8Array[], privateKey: Uint8Array): Uint8Array;
  signKeyPair(): KeyPair;
  /** Constant-time comparison. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  random(count: number): Uint8Array;
}

/** What a client may do besides. */
export interface OpeningSuite extends VerifyingSuite {
  /** X25519 key pair: a fresh one, or always the same for the same `seed` of 32 bytes. */
  boxKeyPair(seed?: Uint8Array): KeyPair;
  /** libsodium sealed box: 48 bytes longer than `plain`. @throws E_SIGNATURE for a key that is no point of large order. */
  seal(plain: Uint8Array, publicKey: Uint8Array): Uint8Array;
  /** @throws E_DECRYPT */
  openSealed(sealed: Uint8Array, keys: KeyPair): Uint8Array;
  /** XChaCha20-Poly1305 with a random nonce in front and a 32-byte key commitment; `context` is authenticated. */
  encrypt(
    tag: string,
    plain: Uint8Array,
    context: readonly Uint8Array[],
    key: Uint8Array,
  ): Uint8Array;
  /** @throws E_DECRYPT */
  decrypt(
    tag: string,
    cipher: Uint8Array,
    context: readonly Uint8Array[],
    key: Uint8Array,
  ): Uint8Array;
  /** A 32-byte key for one purpose from a secret of 32 to 64 bytes. */
  deriveKey(tag: string, secret: Uint8Array, context: readonly Uint8Array[]): Uint8Array;
}

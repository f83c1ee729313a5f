/**
 * The vault key: random, and wrapped for whatever may open the vault. A wrap is a sealed box, so any device that has the
 * vault (and with it the public keys to wrap to) makes a new vault key without the password and the recovery code.
 */
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { concat, utf8 } from '../bytes.ts';
import { SecretBytes, SecretKeyPair } from '../secrets.ts';
import { SYMMETRIC_KEY_BYTES } from '../sizes.ts';
import type { KeyPair, OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import type { RecoveryCode } from './recovery-code.ts';
import type { WrapKeys } from './vault.ts';

const BINDING_BYTES = 32;

/** The two wraps of a vault key, 112 bytes each, as they lie on the server. */
export interface Wraps {
  readonly passwordWrap: Uint8Array;
  readonly recoveryWrap: Uint8Array;
}

export function createVaultKey(suite: OpeningSuite): SecretBytes {
  return new SecretBytes(suite.random(SYMMETRIC_KEY_BYTES));
}

/** The key pair that wraps for the password are sealed to; from OPAQUE's export key, which only the right password gives. */
export function passwordKeys(
  suite: OpeningSuite,
  user: UserId,
  exportKey: Uint8Array,
): SecretKeyPair {
  return derivedKeys(suite, user, { tag: TAGS.passwordWrap, secret: exportKey });
}

/** The key pair that wraps for the recovery code are sealed to. */
export function recoveryKeys(suite: OpeningSuite, user: UserId, code: RecoveryCode): SecretKeyPair {
  return derivedKeys(suite, user, { tag: TAGS.recoveryWrap, secret: code.secret(suite) });
}

/** Wraps the vault key for everything that may open the vault. */
export function wrapVaultKey(
  suite: OpeningSuite,
  user: UserId,
  vaultKey: SecretBytes,
  { password, recovery }: WrapKeys,
): Wraps {
  const wrap = (tag: string, publicKey: Uint8Array): Uint8Array => {
    const binding = bind(suite, { tag, user, publicKey }, vaultKey.reveal());
    const plain = concat(vaultKey.reveal(), binding);
    const sealed = suite.seal(plain, publicKey);
    plain.fill(0);
    return sealed;
  };
  return {
    passwordWrap: wrap(TAGS.passwordWrap, password),
    recoveryWrap: wrap(TAGS.recoveryWrap, recovery),
  };
}

/** `keys` from `passwordKeys`. @throws E_DECRYPT for another password, user or purpose */
export function unwrapWithPassword(
  suite: OpeningSuite,
  user: UserId,
  { passwordWrap }: Wraps,
  keys: KeyPair,
): SecretBytes {
  return unwrap(suite, { tag: TAGS.passwordWrap, user, keys }, passwordWrap);
}

/** `keys` from `recoveryKeys`. @throws E_DECRYPT for another code, user or purpose */
export function unwrapWithRecoveryCode(
  suite: OpeningSuite,
  user: UserId,
  { recoveryWrap }: Wraps,
  keys: KeyPair,
): SecretBytes {
  return unwrap(suite, { tag: TAGS.recoveryWrap, user, keys }, recoveryWrap);
}

function derivedKeys(
  suite: OpeningSuite,
  user: UserId,
  { tag, secret }: { readonly tag: string; readonly secret: Uint8Array },
): SecretKeyPair {
  const seed = suite.deriveKey(tag, secret, [utf8(user)]);
  const keys = SecretKeyPair.of(suite.boxKeyPair(seed));
  seed.fill(0);
  return keys;
}

interface WrapContext {
  readonly tag: string;
  readonly user: UserId;
  readonly publicKey: Uint8Array;
}

/** A sealed box alone says neither for what and whom it was made, nor that it opens to one content only. */
function bind(
  suite: OpeningSuite,
  { tag, user, publicKey }: WrapContext,
  vaultKey: Uint8Array,
): Uint8Array {
  return suite.hash(tag, [utf8(user), publicKey, vaultKey], BINDING_BYTES);
}

function unwrap(
  suite: OpeningSuite,
  { tag, user, keys }: { readonly tag: string; readonly user: UserId; readonly keys: KeyPair },
  wrapped: Uint8Array,
): SecretBytes {
  const plain = suite.openSealed(wrapped, keys);
  const key = plain.subarray(0, SYMMETRIC_KEY_BYTES);
  const binding = bind(suite, { tag, user, publicKey: keys.publicKey }, key);
  if (!suite.equal(plain.subarray(SYMMETRIC_KEY_BYTES), binding))
    throw new FastChatError('E_DECRYPT', 'wrapped for another user or another purpose');
  const vaultKey = new SecretBytes(key);
  plain.fill(0);
  return vaultKey;
}

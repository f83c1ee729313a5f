/** The vault key: random, wrapped by whatever may open the vault. A new password is a new wrap, not a new vault. */
import type { UserId } from '../../protocol/ids.ts';
import { utf8 } from '../bytes.ts';
import { SecretBytes } from '../secrets.ts';
import { SYMMETRIC_KEY_BYTES } from '../sizes.ts';
import type { OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import type { RecoveryCode } from './recovery-code.ts';

export function createVaultKey(suite: OpeningSuite): SecretBytes {
  return new SecretBytes(suite.random(SYMMETRIC_KEY_BYTES));
}

/** A secret that may open the vault, and for what it was made. */
interface Opener {
  readonly tag: string;
  readonly secret: Uint8Array;
}

function wrap(
  suite: OpeningSuite,
  user: UserId,
  vaultKey: SecretBytes,
  opener: Opener,
): Uint8Array {
  const context = [utf8(user)];
  const key = suite.deriveKey(opener.tag, opener.secret, context);
  return suite.encrypt(opener.tag, vaultKey.reveal(), context, key);
}

function unwrap(
  suite: OpeningSuite,
  user: UserId,
  wrapped: Uint8Array,
  opener: Opener,
): SecretBytes {
  const context = [utf8(user)];
  const key = suite.deriveKey(opener.tag, opener.secret, context);
  return new SecretBytes(suite.decrypt(opener.tag, wrapped, context, key));
}

/** Wraps with OPAQUE's export key, which only the right password gives; 104 bytes. */
export function wrapWithExportKey(
  suite: OpeningSuite,
  user: UserId,
  vaultKey: SecretBytes,
  exportKey: Uint8Array,
): Uint8Array {
  return wrap(suite, user, vaultKey, { tag: TAGS.exportWrap, secret: exportKey });
}

/** @throws E_DECRYPT */
export function unwrapWithExportKey(
  suite: OpeningSuite,
  user: UserId,
  wrapped: Uint8Array,
  exportKey: Uint8Array,
): SecretBytes {
  return unwrap(suite, user, wrapped, { tag: TAGS.exportWrap, secret: exportKey });
}

/** Wraps with the recovery code; 104 bytes. */
export function wrapWithRecoveryCode(
  suite: OpeningSuite,
  user: UserId,
  vaultKey: SecretBytes,
  code: RecoveryCode,
): Uint8Array {
  return wrap(suite, user, vaultKey, { tag: TAGS.recoveryWrap, secret: code.secret(suite) });
}

/** @throws E_DECRYPT */
export function unwrapWithRecoveryCode(
  suite: OpeningSuite,
  user: UserId,
  wrapped: Uint8Array,
  code: RecoveryCode,
): SecretBytes {
  return unwrap(suite, user, wrapped, { tag: TAGS.recoveryWrap, secret: code.secret(suite) });
}

/** Making an account: identity, first box key, vault and device, in one commit of the server. */
import { fingerprint, formatFingerprint } from '../../crypto/fingerprint.ts';
import { RecoveryCode } from '../../crypto/opening/recovery-code.ts';
import { createVault, publishedBoxKey } from '../../crypto/opening/vault.ts';
import {
  createVaultKey,
  passwordKeys,
  recoveryKeys,
  wrapVaultKey,
} from '../../crypto/opening/vault-key.ts';
import { sealVault } from '../../crypto/opening/vault-seal.ts';
import type { PasswordClient } from '../../crypto/password-auth.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { Clock } from '../../ops/clock.ts';
import type { SealedVault } from '../../protocol/account.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { AccountBook, OpenedVault } from './account-book.ts';
import { deviceOf } from './device-login.ts';
import type { DeviceLogin } from './device-login.ts';

export interface RegistrationPorts {
  readonly clock: Clock;
  readonly suite: OpeningSuite;
  readonly passwords: PasswordClient;
  readonly book: AccountBook;
  readonly device: DeviceLogin;
}

export interface Registered {
  /** Twelve groups of five digits. */
  readonly fingerprint: string;
  /** Opens the vault without the password; shown once, kept nowhere. */
  readonly recoveryCode: string;
}

/** @throws E_NAME_TAKEN, E_REGISTRATION */
export async function registerAccount(
  ports: RegistrationPorts,
  link: GateLink,
  password: string,
  invitation: string | undefined,
): Promise<Registered> {
  const { suite, book } = ports;
  const { record, exportKey } = await registerPassword(ports, link, password);
  const recoveryCode = RecoveryCode.generate(suite);
  const opened = makeVault(ports, exportKey, recoveryCode);
  const draft = ports.device.draft();
  const { device } = await link.call('registerFinish', {
    user: book.user,
    record,
    identity: opened.vault.identity.publicKey,
    box: publishedBoxKey(suite, opened.vault, book.user),
    vault: opened.sealed,
    device: draft.newDevice,
    invitation,
  });
  await book.saveAll(deviceOf(draft, device), opened);
  ports.device.forgetDraft();
  const digits = fingerprint(suite, book.user, opened.vault.identity.publicKey);
  return { fingerprint: formatFingerprint(digits), recoveryCode: recoveryCode.toText() };
}

async function registerPassword(
  { passwords, book }: RegistrationPorts,
  link: GateLink,
  password: string,
): Promise<{ readonly record: Uint8Array; readonly exportKey: Uint8Array }> {
  const { request, state } = await passwords.startRegistration(password);
  const { response } = await link.call('registerStart', { user: book.user, request });
  return await passwords.finishRegistration(password, state, response, link.hello.stretching);
}

function makeVault(
  { suite, clock, book: { user } }: RegistrationPorts,
  exportKey: Uint8Array,
  recoveryCode: RecoveryCode,
): OpenedVault {
  const key = createVaultKey(suite);
  const wrapKeys = {
    password: passwordKeys(suite, user, exportKey).publicKey,
    recovery: recoveryKeys(suite, user, recoveryCode).publicKey,
  };
  const draft = createVault(suite, clock.now(), wrapKeys);
  const { vault, sealed } = sealVault(suite, draft, user, key);
  const wraps = wrapVaultKey(suite, user, key, wrapKeys);
  const stored: SealedVault = { version: vault.version, vault: sealed, ...wraps };
  return { vault, sealed: stored, key };
}

/** @throws E_USAGE */
export function checkPassword(password: string): void {
  if (password === '') throw new FastChatError('E_USAGE', 'an empty password protects nothing');
}

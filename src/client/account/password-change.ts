/**
 * Password change: prove the old one, register the new one, wrap the vault key anew. Messages and devices stay. The
 * vault goes along as its next version, with the public key that later wraps are sealed to.
 */
import { passwordKeys, wrapVaultKey } from '../../crypto/opening/vault-key.ts';
import { sealVault } from '../../crypto/opening/vault-seal.ts';
import type { PasswordClient } from '../../crypto/password-auth.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { OpenedVault } from './account-book.ts';

export interface PasswordChange {
  readonly suite: OpeningSuite;
  readonly passwords: PasswordClient;
  readonly user: UserId;
  readonly old: string;
  readonly next: string;
}

/** @returns the vault as the server has it now. @throws E_AUTH when `old` is wrong, E_VAULT_CONFLICT (a newer vault) */
export async function changePassword(
  change: PasswordChange,
  link: GateLink,
  ours: OpenedVault,
): Promise<OpenedVault> {
  const { suite, user } = change;
  const { record, exportKey } = await registerNext(change, link);
  const password = passwordKeys(suite, user, exportKey).publicKey;
  const wrapKeys = { ...ours.vault.wrapKeys, password };
  const { vault, sealed } = sealVault(suite, { ...ours.vault, wrapKeys }, user, ours.key);
  const { passwordWrap } = wrapVaultKey(suite, user, ours.key, wrapKeys);
  const expected = ours.vault.version;
  await link.call('changePassword', { expected, record, vault: sealed, passwordWrap });
  const stored = { ...ours.sealed, version: vault.version, vault: sealed, passwordWrap };
  return { vault, sealed: stored, key: ours.key };
}

async function registerNext(
  { passwords, old, next }: PasswordChange,
  link: GateLink,
): Promise<{ readonly record: Uint8Array; readonly exportKey: Uint8Array }> {
  const { stretching } = link.hello;
  const login = await passwords.startLogin(old);
  const challenge = await link.call('reauthStart', { request: login.request });
  const proof = await passwords.finishLogin(old, login.state, challenge.response, stretching);
  if (proof === undefined) throw new FastChatError('E_AUTH', 'the present password is another one');
  const fresh = await passwords.startRegistration(next);
  const answer = await link.call('reauthFinish', { finish: proof.finish, request: fresh.request });
  return await passwords.finishRegistration(next, fresh.state, answer.response, stretching);
}

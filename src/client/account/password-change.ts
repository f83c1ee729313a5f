/** Password change: prove the old one, register the new one, wrap the vault key anew. Messages and devices stay. */
import { wrapWithExportKey } from '../../crypto/opening/vault-key.ts';
import type { PasswordClient } from '../../crypto/password-auth.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import type { GateLink } from '../connection/gate-link.ts';

export interface PasswordChange {
  readonly suite: OpeningSuite;
  readonly passwords: PasswordClient;
  readonly user: UserId;
  readonly vaultKey: SecretBytes;
}

/** @throws E_AUTH when `old` is wrong */
export async function changePassword(
  change: PasswordChange,
  link: GateLink,
  old: string,
  next: string,
): Promise<void> {
  const { passwords, suite, user, vaultKey } = change;
  const { stretching } = link.hello;
  const login = await passwords.startLogin(old);
  const challenge = await link.call('reauthStart', { request: login.request });
  const proof = await passwords.finishLogin(old, login.state, challenge.response, stretching);
  if (proof === undefined) throw new FastChatError('E_AUTH', 'the present password is another one');
  const fresh = await passwords.startRegistration(next);
  const answer = await link.call('reauthFinish', { finish: proof.finish, request: fresh.request });
  const { record, exportKey } = await passwords.finishRegistration(
    next,
    fresh.state,
    answer.response,
    stretching,
  );
  const passwordWrap = wrapWithExportKey(suite, user, vaultKey, exportKey);
  await link.call('changePassword', { record, passwordWrap });
}

/** `fastchat register`: an account, its keys, this device. */
import { requireAccount, requireServer, remember, withNewAccount } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { RECOVERY_ADVICE } from '../account-words.ts';
import { readSecretFile } from '../input.ts';
import { readNewPassword } from '../password.ts';

export async function register(context: CommandContext): Promise<number> {
  const account = await requireAccount(context, 'register');
  const server = await requireServer(context, account);
  const invitationFile = context.args.text('invitation-file');
  const options =
    invitationFile === undefined ? {} : { invitation: await readSecretFile(invitationFile) };
  const password = await readNewPassword(context, server);
  await withNewAccount(context, account, async (open) => {
    const { fingerprint, recoveryCode } = await open.client.register(password, options);
    await remember(context, open);
    await context.out.result({
      json: { account, fingerprint, recoveryCode },
      plain: [
        ['account', account],
        ['fingerprint', fingerprint],
        ['recovery code', recoveryCode],
      ],
    });
    context.out.note(`the recovery code is shown this once: ${RECOVERY_ADVICE}`);
  });
  return EXIT.ok;
}

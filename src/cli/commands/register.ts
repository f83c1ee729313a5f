/** `fastchat register`: an account, its keys, this device. */
import { requireServer, remember, withAccount } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseAccount } from '../home.ts';
import { readSecretFile } from '../input.ts';
import { readNewPassword } from '../password.ts';

export async function register(context: CommandContext): Promise<number> {
  const account = await chooseAccount(context.home, context.args.text('user'));
  await requireServer(context, account);
  const invitationFile = context.args.text('invitation-file');
  const options =
    invitationFile === undefined ? {} : { invitation: await readSecretFile(invitationFile) };
  const password = await readNewPassword(context);
  await withAccount(context, account, async (open) => {
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
    context.out.note('the recovery code is shown this once: write it down');
  });
  return EXIT.ok;
}

/** `fastchat login`, `logout`, `password`. */
import { remember, requireServer, withAccount, withDevice, withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { chooseAccount } from '../home.ts';
import { readPassword, readPasswordChange } from '../password.ts';

export async function login(context: CommandContext): Promise<number> {
  const account = await chooseAccount(context.home, context.args.text('user'));
  await requireServer(context, account);
  const password = await readPassword(context);
  await withAccount(context, account, async (open) => {
    const { node, pending } = await open.client.login(password);
    await remember(context, open);
    await context.out.result({
      json: { account, node, pending },
      plain: [[account, node, String(pending)]],
    });
  });
  return EXIT.ok;
}

export async function logout(context: CommandContext): Promise<number> {
  await withDevice(context, async ({ account, client }) => {
    await client.logout();
    await context.out.result({ json: { account }, plain: [] });
  });
  return EXIT.ok;
}

export async function changePassword(context: CommandContext): Promise<number> {
  const { old, next } = await readPasswordChange(context);
  await withSession(context, async ({ account, client }) => {
    await client.changePassword(old, next);
    await context.out.result({ json: { account }, plain: [] });
    context.out.note('the password is changed');
  });
  return EXIT.ok;
}

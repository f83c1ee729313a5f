/** `fastchat login`, `logout`, `password`. */
import {
  remember,
  requireAccount,
  requireServer,
  withDevice,
  withNewAccount,
  withSession,
} from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { readPassword, readPasswordChange } from '../password.ts';
import { counted } from '../text-layout.ts';

export async function login(context: CommandContext): Promise<number> {
  const account = await requireAccount(context, 'login');
  const server = await requireServer(context, account);
  const password = await readPassword(context, server);
  await withNewAccount(context, account, async (open) => {
    const { node, pending } = await open.client.login(password);
    await remember(context, open);
    await context.out.result({
      json: { account, node, pending },
      plain: [[account, node, String(pending)]],
    });
    const waiting = `${counted(pending, 'message')} waiting`;
    context.out.note(`logged in as ${account}, connected to ${node}, ${waiting}`);
  });
  return EXIT.ok;
}

export async function logout(context: CommandContext): Promise<number> {
  await withDevice(context, async ({ account, client }) => {
    await client.logout();
    await context.out.result({ json: { account }, plain: [] });
    context.out.note(`logged out of ${account}; this device and its messages stay`);
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

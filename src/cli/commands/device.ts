/** `fastchat device …`. */
import { FastChatError } from '../../protocol/errors.ts';
import { parseDeviceId } from '../../protocol/ids.ts';
import { withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';
import { askLine, isInteractive } from '../prompt.ts';

export async function listDevices(context: CommandContext): Promise<number> {
  await withSession(context, async ({ client }) => {
    const views = await client.devices();
    const rows = views.map(({ device, name, lastSeen, current }) => ({
      json: { device, name, lastSeen, current },
      plain: [String(device), name, moment(lastSeen), current ? 'this device' : ''],
    }));
    await context.out.table(['DEVICE', 'NAME', 'LAST SEEN', ''], rows);
  });
  return EXIT.ok;
}

/** @throws E_USAGE unless the person is sure */
async function confirm(context: CommandContext): Promise<void> {
  const warning = 'this is the device you are using: it will be logged out for good';
  if (context.args.flag('yes')) return;
  if (!isInteractive(context.io))
    throw new FastChatError('E_USAGE', `${warning}; --yes if that is meant`);
  const answer = await askLine(context.io, `${warning}. Revoke it? y/n `);
  if (!/^y(es)?$/i.test(answer)) throw new FastChatError('E_USAGE', 'nothing was revoked');
}

export async function revokeDevice(context: CommandContext): Promise<number> {
  const word = context.args.words[0] ?? '';
  if (!/^\d{1,10}$/.test(word))
    throw new FastChatError('E_USAGE', 'give the number of a device: see fastchat device list');
  const device = parseDeviceId(Number(word));
  await withSession(context, async ({ client }) => {
    const views = await client.devices();
    const isCurrent = views.some((view) => view.device === device && view.current);
    if (isCurrent) await confirm(context);
    await client.revokeDevice(device);
    await context.out.result({ json: { device }, plain: [] });
    context.out.note(`device ${device} is revoked`);
  });
  return EXIT.ok;
}

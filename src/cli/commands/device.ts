/** `fastchat device …`. */
import { FastChatError } from '../../protocol/errors.ts';
import { parseDeviceId } from '../../protocol/ids.ts';
import { withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { confirm } from '../confirm.ts';
import type { Danger } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';

const OWN_DEVICE: Danger = {
  warning: 'this is the device you are using: it will be logged out for good',
  question: 'Revoke it?',
  declined: 'nothing was revoked',
};

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

export async function revokeDevice(context: CommandContext): Promise<number> {
  const word = context.args.words[0] ?? '';
  if (!/^\d{1,10}$/.test(word))
    throw new FastChatError('E_USAGE', 'give the number of a device: see fastchat device list');
  const device = parseDeviceId(Number(word));
  await withSession(context, async ({ client }) => {
    const views = await client.devices();
    const isCurrent = views.some((view) => view.device === device && view.current);
    if (isCurrent) await confirm(context, OWN_DEVICE);
    await client.revokeDevice(device);
    await context.out.result({ json: { device }, plain: [] });
    context.out.note(`device ${device} is revoked`);
  });
  return EXIT.ok;
}

/** `fastchat device …`. */
import { FastChatError } from '../../protocol/errors.ts';
import { parseDeviceId } from '../../protocol/ids.ts';
import { withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';

export async function listDevices(context: CommandContext): Promise<number> {
  await withSession(context, async ({ client }) => {
    for (const view of await client.devices()) {
      const { device, name, lastSeen, current } = view;
      await context.out.result({
        json: { device, name, lastSeen, current },
        plain: [[String(device), name, moment(lastSeen), current ? 'this device' : '']],
      });
    }
  });
  return EXIT.ok;
}

export async function revokeDevice(context: CommandContext): Promise<number> {
  const word = context.args.words[0] ?? '';
  if (!/^\d{1,10}$/.test(word))
    throw new FastChatError('E_USAGE', 'give the number of a device: see fastchat device list');
  const device = parseDeviceId(Number(word));
  await withSession(context, async ({ client }) => {
    await client.revokeDevice(device);
    await context.out.result({ json: { device }, plain: [] });
  });
  return EXIT.ok;
}

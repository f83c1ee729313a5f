/** `fastchat read`: the history of the local store; works without a server. */
import type { Client, Message } from '../../client/api.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { isUser } from '../../protocol/ids.ts';
import { HISTORY_MESSAGES_DEFAULT, HISTORY_MESSAGES_MAX } from '../../protocol/limits.ts';
import { withDevice } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { printMessage } from '../message-output.ts';
import { resolveTarget } from '../target.ts';

/** The newest `limit` of all conversations, in order of time. */
async function newest(client: Client, limit: number): Promise<readonly Message[]> {
  const conversations = await client.conversations();
  const all = await Promise.all(
    conversations.map(({ conversation }) => client.history(conversation, { limit })),
  );
  return all
    .flat()
    .sort((left, right) => left.timestamp - right.timestamp)
    .slice(-limit);
}

/** The messages of one conversation. @throws E_NO_SUCH_USER, E_NO_SUCH_GROUP when this device knows of none */
async function of(client: Client, target: string, limit: number): Promise<readonly Message[]> {
  const address = await resolveTarget(client, target);
  const conversations = await client.conversations();
  if (conversations.some(({ conversation }) => conversation === address))
    return client.history(address, { limit });
  // A group in which nobody has written yet.
  if ((await client.groups()).some(({ group }) => group === address)) return [];
  const code = isUser(address) ? 'E_NO_SUCH_USER' : 'E_NO_SUCH_GROUP';
  throw new FastChatError(code, `this device has no conversation with ${address}`);
}

export async function read(context: CommandContext): Promise<number> {
  const limit = context.args.count('limit', HISTORY_MESSAGES_MAX) ?? HISTORY_MESSAGES_DEFAULT;
  const [target] = context.args.words;
  await withDevice(context, async ({ account, client }) => {
    const messages =
      target === undefined ? await newest(client, limit) : await of(client, target, limit);
    for (const message of messages) await printMessage(context, account, message);
  });
  return EXIT.ok;
}

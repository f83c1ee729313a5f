/** Prints a message as the output asks: JSON for programs, columns for pipes, `09:11 bob │ text` for people. */
import type { Message } from '../client/api.ts';
import type { UserId } from '../protocol/ids.ts';
import type { CommandContext } from './command.ts';
import { messageEvent, messageRow, personLines } from './message-format.ts';

export async function printMessage(
  context: CommandContext,
  account: UserId,
  message: Message,
): Promise<void> {
  const { io, out } = context;
  if (out.options.json) await out.json(messageEvent(account, message));
  else if (io.stdout.isTTY !== true) await out.row(messageRow(message));
  else await out.line(personLines(message, account).join('\n'));
}

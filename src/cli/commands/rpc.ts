/** `fastchat rpc`: many accounts for one program, over stdin and stdout. */
import { within } from '../../ops/lifecycle.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import { COMMAND_GRACE_MS, REQUEST_TIMEOUT_MS } from '../../protocol/limits.ts';
import { serverOf, unlessAborted } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { rememberServer } from '../home.ts';
import { Accounts } from '../rpc/accounts.ts';
import { notificationOf } from '../rpc/notifications.ts';
import { RpcServer } from '../rpc/server.ts';
import { RpcWriter } from '../rpc/writer.ts';

function accountsOf(
  context: CommandContext,
  writer: RpcWriter,
  onFailure: (error: FastChatError) => void,
): Accounts {
  const { home, ports } = context;
  return new Accounts({
    open: async (account) =>
      ports.openClient({ home, account, server: await serverOf(context, account), onFailure }),
    remember: async (account) => {
      const server = await serverOf(context, account);
      if (server !== undefined) await rememberServer(home, account, server);
    },
    onEvent: (account, event) => {
      const notification = notificationOf(account, event);
      if (notification !== undefined) writer.event(notification);
    },
  });
}

/** Ends with stdin: open requests are answered, the outbox goes out as far as the grace allows. */
export async function rpc(context: CommandContext): Promise<number> {
  const { io, signal } = context;
  const writer = new RpcWriter(io.stdout);
  let onFailure: (error: FastChatError) => void = () => undefined;
  // A disk that fails spoils every account of this home.
  const failed = new Promise<never>((_, reject) => (onFailure = reject));
  const accounts = accountsOf(context, writer, (error) => onFailure(error));
  const server = new RpcServer(accounts, writer);
  try {
    await unlessAborted(signal, Promise.race([server.serve(io.stdin), failed]));
    const idle = within(io.clock, REQUEST_TIMEOUT_MS, 'answering', server.idle());
    await unlessAborted(
      signal,
      idle.catch(() => undefined),
    );
    await writer.ready();
  } finally {
    await accounts.close(signal.aborted ? 0 : COMMAND_GRACE_MS);
  }
  return EXIT.ok;
}

/** Opens the account that a command is about, and closes it whatever happens. */
import type { Client } from '../client/api.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { COMMAND_GRACE_MS } from '../protocol/limits.ts';
import type { CommandContext } from './command.ts';
import { chooseAccount, recallServer, rememberServer } from './home.ts';

/** An open client and the server it talks to. */
export interface OpenAccount {
  readonly account: UserId;
  readonly client: Client;
  readonly server: string | undefined;
}

/** Settles as `work` does, or rejects with the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  // Whichever comes first; the other one may still fail, unheard.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** `--server`, `FASTCHAT_SERVER`, then what the home remembers. */
export async function serverOf(
  context: CommandContext,
  account: UserId,
): Promise<string | undefined> {
  const given = context.args.text('server') ?? context.io.env['FASTCHAT_SERVER'];
  return given ?? recallServer(context.home, account);
}

/** @throws E_USAGE when no server is known */
export async function requireServer(context: CommandContext, account: UserId): Promise<string> {
  const server = await serverOf(context, account);
  if (server !== undefined) return server;
  throw new FastChatError(
    'E_USAGE',
    `no server is known for ${account}: give --server fastchat://host:port?fp=…`,
  );
}

/** Opens the account, lets `use` work with it and closes it; what is left in the outbox is saved. */
export async function withAccount<T>(
  context: CommandContext,
  account: UserId,
  use: (open: OpenAccount) => Promise<T>,
): Promise<T> {
  const server = await serverOf(context, account);
  const client = await context.ports.openClient({ home: context.home, account, server });
  try {
    return await unlessAborted(context.signal, use({ account, client, server }));
  } finally {
    await client.close(context.signal.aborted ? 0 : COMMAND_GRACE_MS);
  }
}

/** `withAccount` for the account of `-u` when a device of it must exist. @throws E_NOT_LOGGED_IN */
export async function withDevice<T>(
  context: CommandContext,
  use: (open: OpenAccount) => Promise<T>,
): Promise<T> {
  const account = await chooseAccount(context.home, context.args.text('user'));
  return withAccount(context, account, (open) => {
    if (open.client.registered) return use(open);
    throw new FastChatError(
      'E_NOT_LOGGED_IN',
      `this home has no device of ${account}: run fastchat login -u ${account.slice(1)}`,
    );
  });
}

/** `withDevice`, connected: for what only the server can answer. The server that worked is remembered. */
export async function withSession<T>(
  context: CommandContext,
  use: (open: OpenAccount) => Promise<T>,
): Promise<T> {
  return withDevice(context, async (open) => {
    await open.client.connect();
    await remember(context, open);
    return use(open);
  });
}

/** To be called after the first success at a server. */
export async function remember(context: CommandContext, open: OpenAccount): Promise<void> {
  if (open.server !== undefined) await rememberServer(context.home, open.account, open.server);
}

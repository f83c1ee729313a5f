/** Opens the account that a command is about, and closes it whatever happens. */
import type { Client } from '../client/api.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { COMMAND_GRACE_MS } from '../protocol/limits.ts';
import type { CommandContext } from './command.ts';
import {
  chooseAccount,
  listAccounts,
  recallServer,
  rememberServer,
  removeAccount,
} from './home.ts';

/** An open client and the server it talks to. */
export interface OpenAccount {
  readonly account: UserId;
  readonly client: Client;
  readonly server: string | undefined;
  /** Rejects with E_IO when the disk fails; never resolves. */
  readonly failed: Promise<never>;
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

/** Where a connect URL comes from, for whoever has none. */
export const SERVER_HINT =
  'a server prints its "url" when it starts, and fastchat node --dev 3 starts one here';

/** @throws E_USAGE when no server is known */
export async function requireServer(context: CommandContext, account: UserId): Promise<string> {
  const server = await serverOf(context, account);
  if (server !== undefined) return server;
  throw new FastChatError(
    'E_USAGE',
    `no server is known for ${account}: give --server URL; ${SERVER_HINT}`,
  );
}

/** `-u NAME`, or the home's only account; a home without one gets no folder for it. @throws E_USAGE, E_NO_SUCH_USER */
export async function requireAccount(context: CommandContext, verb: string): Promise<UserId> {
  const name = context.args.text('user');
  if (name === undefined && (await listAccounts(context.home)).length === 0)
    throw new FastChatError('E_USAGE', `say as whom: fastchat ${verb} -u NAME --server URL`);
  return chooseAccount(context.home, name);
}

/** Opens the account, lets `use` work with it and closes it; what is left in the outbox is saved. */
export async function withAccount<T>(
  context: CommandContext,
  account: UserId,
  use: (open: OpenAccount) => Promise<T>,
): Promise<T> {
  const server = await serverOf(context, account);
  let onFailure: (error: FastChatError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (onFailure = reject));
  failed.catch(() => undefined);
  const { home, ports, signal } = context;
  const client = await ports.openClient({ home, account, server, onFailure });
  try {
    const work = use({ account, client, server, failed });
    return await unlessAborted(signal, Promise.race([work, failed]));
  } finally {
    await client.close(context.signal.aborted ? 0 : COMMAND_GRACE_MS);
  }
}

/** `withAccount` for an account that is yet to be made here: one that was not leaves nothing behind. */
export async function withNewAccount<T>(
  context: CommandContext,
  account: UserId,
  use: (open: OpenAccount) => Promise<T>,
): Promise<T> {
  let opened: Client | undefined;
  try {
    return await withAccount(context, account, (open) => {
      opened = open.client;
      return use(open);
    });
  } catch (cause) {
    // A store that could not even be opened may hold an account all the same.
    if (opened?.registered === false) await removeAccount(context.home, account);
    throw cause;
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
    await open.client.connect().catch((cause: unknown) => {
      throw refusal(cause, open.account);
    });
    await remember(context, open);
    return use(open);
  });
}

/** What a refused login of a device means, and that there is a way on; any other error as it is. */
export function refusal(cause: unknown, account: UserId): FastChatError {
  const error = asFastChatError(cause);
  if (error.code !== 'E_AUTH') return error;
  const login = `fastchat login -u ${account.slice(1)}`;
  const text = `this device was revoked or the account changed; go on with ${login}`;
  return new FastChatError('E_AUTH', text, { cause });
}

/** To be called after the first success at a server. */
export async function remember(context: CommandContext, open: OpenAccount): Promise<void> {
  if (open.server !== undefined) await rememberServer(context.home, open.account, open.server);
}

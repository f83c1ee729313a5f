/** The client home: which accounts it holds, and at which server each was last reached. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { FastChatError } from '../protocol/errors.ts';
import { NAME_PATTERN, parseUserId } from '../protocol/ids.ts';
import type { UserId } from '../protocol/ids.ts';

const SERVER_FILE = 'server';

/** `--home`, `FASTCHAT_HOME`, then the XDG data folder. */
export function homePath(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const chosen = flag ?? env['FASTCHAT_HOME'];
  if (chosen !== undefined && chosen !== '') return chosen;
  const data = env['XDG_DATA_HOME'];
  const base =
    data !== undefined && data !== '' ? data : join(env['HOME'] ?? homedir(), '.local/share');
  return join(base, 'fastchat');
}

/** The folder of one account. */
export function accountPath(home: string, account: UserId): string {
  return join(home, account.slice(1));
}

/** Every account with a folder in `home`, by name. */
export async function listAccounts(home: string): Promise<readonly UserId[]> {
  const entries = await readdir(home, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name))
    .map((entry) => parseUserId(entry.name))
    .sort();
}

/** Accounts that reached a server once. A registration that failed leaves a folder too, which is not worth a question. */
async function usedAccounts(home: string): Promise<readonly UserId[]> {
  const accounts = await listAccounts(home);
  const servers = await Promise.all(accounts.map((account) => readServer(home, account)));
  const used = accounts.filter((_, index) => servers[index] !== undefined);
  return used.length > 0 ? used : accounts;
}

/** Removes the folder of an account that was never made. */
export async function removeAccount(home: string, account: UserId): Promise<void> {
  await rm(accountPath(home, account), { recursive: true, force: true });
}

/** Whether an account of this home ever reached a server. */
export async function hasUsedAccount(home: string): Promise<boolean> {
  const accounts = await listAccounts(home);
  const servers = await Promise.all(accounts.map((account) => readServer(home, account)));
  return servers.some((server) => server !== undefined);
}

/** `-u NAME`, or the home's only account. @throws E_NO_SUCH_USER (several), E_NOT_LOGGED_IN (none) */
export async function chooseAccount(home: string, name: string | undefined): Promise<UserId> {
  if (name !== undefined) return parseUserId(name);
  const accounts = await usedAccounts(home);
  const [only] = accounts;
  if (only === undefined)
    throw new FastChatError(
      'E_NOT_LOGGED_IN',
      `no account in ${home}: run fastchat register -u NAME --server URL, or fastchat login`,
    );
  if (accounts.length > 1)
    throw new FastChatError(
      'E_NO_SUCH_USER',
      `several accounts in ${home}: choose one with -u: ${accounts.join(' ')}`,
    );
  return only;
}

/** The server that worked last for `account`; for a new account, the one all others of the home use. */
export async function recallServer(home: string, account: UserId): Promise<string | undefined> {
  const own = await readServer(home, account);
  if (own !== undefined) return own;
  const others = (await listAccounts(home)).filter((other) => other !== account);
  const servers = new Set(await Promise.all(others.map((other) => readServer(home, other))));
  servers.delete(undefined);
  const [server] = servers;
  return servers.size === 1 ? server : undefined;
}

async function readServer(home: string, account: UserId): Promise<string | undefined> {
  const text = await readFile(join(accountPath(home, account), SERVER_FILE), 'utf8').catch(
    () => '',
  );
  return text.trim() === '' ? undefined : text.trim();
}

/** Remembers a server that worked. A home that cannot be written keeps working: only the convenience is lost. */
export async function rememberServer(home: string, account: UserId, server: string): Promise<void> {
  if ((await readServer(home, account)) === server) return;
  const path = join(accountPath(home, account), SERVER_FILE);
  try {
    await writeFile(`${path}.new`, `${server}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch {
    // Nothing depends on it.
  }
}

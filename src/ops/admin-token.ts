/** The bearer token of the admin routes: who can read the file runs the node. */
import { timingSafeEqual, createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FastChatError } from '../protocol/errors.ts';
import type { Random } from './random.ts';
import { Redacted } from './redacted.ts';

const TOKEN_BYTES = 32;
export const ADMIN_TOKEN_FILE = 'admin.token';

/** Reads a token file. @throws E_IO when it is missing, unreadable or empty */
export async function readAdminToken(path: string): Promise<Redacted<string>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FastChatError('E_IO', `cannot read the admin token ${path}`, { cause });
  });
  const token = text.trim();
  if (token === '') throw new FastChatError('E_IO', `the admin token ${path} is empty`);
  return new Redacted(token);
}

/** Makes `DIR/admin.token` (mode 0600) anew, so that a leaked token ends with the process that it belongs to. */
export async function writeAdminToken(dataDir: string, random: Random): Promise<Redacted<string>> {
  const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
  const path = join(dataDir, ADMIN_TOKEN_FILE);
  try {
    await writeFile(`${path}.new`, `${token}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw new FastChatError('E_IO', `cannot write ${path}`, { cause });
  }
  return new Redacted(token);
}

/** Whether an `Authorization` header carries `token`; takes the same time wherever they differ. */
export function isAuthorised(header: string | undefined, token: Redacted<string>): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token.reveal()}`));
}

/** Talks to a node's operations port. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN_ROUTES } from '../ops/admin-api.ts';
import type { AdminAction } from '../ops/admin-api.ts';
import { ADMIN_TOKEN_FILE, readAdminToken } from '../ops/admin-token.ts';
import type { Redacted } from '../ops/redacted.ts';
import { FastChatError, isErrorCode } from '../protocol/errors.ts';
import { HTTP_REQUEST_TIMEOUT_MS } from '../protocol/limits.ts';
import type { CommandContext } from './command.ts';

/** Which node to ask, and the file with its token. */
interface AdminTarget {
  readonly url: string;
  readonly tokenFile: string | undefined;
}

/** The operations port that the node in `dataDir` wrote down when it started. */
async function urlOf(dataDir: string): Promise<string> {
  const path = join(dataDir, 'node.json');
  try {
    const { http } = JSON.parse(await readFile(path, 'utf8')) as { readonly http?: unknown };
    if (typeof http === 'string') return http;
  } catch (cause) {
    throw new FastChatError('E_USAGE', `no node is known at ${dataDir} (cannot read ${path})`, {
      cause,
    });
  }
  throw new FastChatError('E_USAGE', `${path} names no operations port`);
}

async function findTarget(context: CommandContext): Promise<AdminTarget> {
  const { args, io } = context;
  const url = args.text('http');
  const dataDir = args.text('data');
  const chosen = args.text('token-file') ?? io.env['FASTCHAT_ADMIN_TOKEN_FILE'];
  const tokenFile = chosen ?? (dataDir === undefined ? undefined : join(dataDir, ADMIN_TOKEN_FILE));
  if (url !== undefined) return { url, tokenFile };
  if (dataDir !== undefined) return { url: await urlOf(dataDir), tokenFile };
  throw new FastChatError('E_USAGE', 'say which node: --data DIR or --http URL');
}

function endpoint(base: string, path: string): URL {
  try {
    const url = new URL(path, base);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url;
  } catch {
    // Falls through to the same advice.
  }
  throw new FastChatError('E_USAGE', `${JSON.stringify(base)} is not http://host:port`);
}

export interface AdminRequest {
  readonly action: AdminAction | 'cluster';
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** Asks a node. @throws E_USAGE, E_UNREACHABLE, E_AUTH, or the code the node answers */
export async function askNode(context: CommandContext, request: AdminRequest): Promise<unknown> {
  const target = await findTarget(context);
  const route = request.action === 'cluster' ? 'GET /cluster' : ADMIN_ROUTES[request.action];
  const [method = 'GET', path = '/'] = route.split(' ');
  const url = endpoint(target.url, path);
  for (const [name, value] of Object.entries(request.query ?? {}))
    url.searchParams.set(name, value);
  const token = request.action === 'cluster' ? undefined : await tokenOf(target);
  const response = await context.ports
    .fetch(url, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` },
      signal: AbortSignal.any([context.signal, AbortSignal.timeout(HTTP_REQUEST_TIMEOUT_MS)]),
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    })
    .catch((cause: unknown) => {
      throw new FastChatError('E_UNREACHABLE', `no node answers at ${url.origin}`, { cause });
    });
  return decode(response);
}

async function tokenOf(target: AdminTarget): Promise<Redacted<string>> {
  if (target.tokenFile !== undefined) return readAdminToken(target.tokenFile);
  throw new FastChatError(
    'E_NOT_LOGGED_IN',
    'an admin token is needed: --data DIR or --token-file FILE',
  );
}

async function decode(response: Response): Promise<unknown> {
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw new FastChatError('E_BAD_FRAME', 'the answer is not JSON: is this a FastChat node?', {
      cause,
    });
  });
  if (response.ok) return body;
  const { error } = (body ?? {}) as {
    readonly error?: { readonly code?: string; readonly message?: string };
  };
  const code = error?.code ?? '';
  throw new FastChatError(
    isErrorCode(code) ? code : 'E_INTERNAL',
    String(error?.message ?? response.status),
  );
}

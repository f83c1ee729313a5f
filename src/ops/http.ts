/** The operations port of a node: a few routes over node:http, bound to loopback unless the operator says otherwise. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CONNECTIONS_MAX,
  HTTP_REQUEST_TIMEOUT_MS,
} from '../protocol/limits.ts';
import type { Route } from './admin-api.ts';
import { isAuthorised } from './admin-token.ts';
import { errorFields } from './log.ts';
import type { Log } from './log.ts';
import type { Redacted } from './redacted.ts';
import { formatHostPort } from './units.ts';
import type { HostPort } from './units.ts';

export interface HttpRequest {
  readonly query: URLSearchParams;
  /** The decoded JSON body of a POST; undefined without one. */
  readonly body: unknown;
}

export interface HttpReply {
  /** Default 200. */
  readonly status?: number;
  /** Default JSON; with a type given, `body` must be text. */
  readonly type?: string;
  readonly body: unknown;
}

export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;
export type HttpRoutes = Readonly<Partial<Record<Route, HttpHandler>>>;

export interface HttpOptions {
  readonly listen: HostPort;
  readonly routes: HttpRoutes;
  /** Guards every route under `/admin/`; without it they do not exist. */
  readonly adminToken?: Redacted<string> | undefined;
  /** Somebody asked for such a route without the token. */
  readonly onAdminRefused?: () => void;
  readonly log: Log;
}

export interface HttpServer {
  /** `http://host:port` with the port that was taken. */
  readonly url: string;
  readonly port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  E_USAGE: 400,
  E_BAD_NAME: 400,
  E_AUTH: 401,
  E_NO_SUCH_USER: 404,
  E_NO_SUCH_GROUP: 404,
  E_TOO_LARGE: 413,
  E_RATE_LIMITED: 429,
  E_UNREACHABLE: 503,
  E_TIMEOUT: 503,
  E_MOVED: 503,
};

function failure(status: number, error: FastChatError): HttpReply {
  const { code, message, retry } = error;
  return { status, body: { error: { code, message, retry } } };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > HTTP_BODY_BYTES_MAX) throw new FastChatError('E_TOO_LARGE', 'the body is too large');
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (cause) {
    throw new FastChatError('E_USAGE', 'the body is not JSON', { cause });
  }
}

/** Sends `reply`; a HEAD request gets its headers alone. */
function send(response: ServerResponse, reply: HttpReply, isHead: boolean): void {
  const text = reply.type === undefined ? `${JSON.stringify(reply.body)}\n` : String(reply.body);
  response.writeHead(reply.status ?? 200, {
    'content-type': reply.type ?? 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(text),
  });
  response.end(isHead ? undefined : text);
}

/** @throws E_USAGE: not a target that a URL can be made of, such as `//` */
function targetOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://node');
  } catch (cause) {
    throw new FastChatError('E_USAGE', 'no such path', { cause });
  }
}

class Router {
  readonly #options: HttpOptions;

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /** Never rejects: whatever goes wrong becomes a status. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isHead = request.method === 'HEAD';
    const reply = await this.#reply(request, isHead ? 'GET' : (request.method ?? 'GET')).catch(
      (cause: unknown) => this.#failed(cause),
    );
    // What a refused request still sends is not read: the connection ends with the answer.
    if (!request.complete) response.setHeader('connection', 'close');
    send(response, reply, isHead);
  }

  async #reply(request: IncomingMessage, method: string): Promise<HttpReply> {
    const url = targetOf(request);
    const { routes, adminToken, onAdminRefused, log } = this.#options;
    if (url.pathname.startsWith('/admin/')) {
      if (adminToken === undefined || !isAuthorised(request.headers.authorization, adminToken)) {
        log.event('warn', 'admin_refused', { path: url.pathname.slice(0, 64) });
        onAdminRefused?.();
        return failure(401, new FastChatError('E_AUTH', 'send the token of DIR/admin.token'));
      }
      log.event('info', 'admin_called', { method, path: url.pathname.slice(0, 64) });
    }
    const handler = routes[`${method} ${url.pathname}` as Route];
    if (handler === undefined) return this.#noRoute(url.pathname);
    const body = method === 'POST' ? await readBody(request) : undefined;
    return handler({ query: url.searchParams, body });
  }

  #noRoute(path: string): HttpReply {
    const isKnown = Object.keys(this.#options.routes).some((route) => route.endsWith(` ${path}`));
    if (isKnown) return failure(405, new FastChatError('E_USAGE', 'wrong method for this path'));
    return failure(404, new FastChatError('E_USAGE', 'no such path'));
  }

  #failed(cause: unknown): HttpReply {
    const error = asFastChatError(cause);
    const status = STATUS_BY_CODE[error.code] ?? 500;
    if (status === 500) this.#options.log.event('error', 'http_failed', errorFields(cause));
    return failure(status, error);
  }
}

function listen(server: Server, address: HostPort): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const place = formatHostPort(address);
      reject(new FastChatError('E_IO', `cannot listen on ${place} for HTTP`, { cause }));
    });
    server.listen(address.port, address.host, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

/** Opens the port. @throws E_IO when it is taken or not ours to take */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const router = new Router(options);
  const server = createServer((request, response) => void router.answer(request, response));
  server.requestTimeout = HTTP_REQUEST_TIMEOUT_MS;
  server.headersTimeout = HTTP_REQUEST_TIMEOUT_MS;
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  const port = await listen(server, options.listen);
  const url = `http://${formatHostPort({ host: options.listen.host, port })}`;
  options.log.event('info', 'http_listening', { url });
  return {
    url,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

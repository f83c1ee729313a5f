/**
 * Asks etcd through the JSON gateway of its members (ADR 8). Remembers the member that answered last and moves on to the
 * next one when it does not: at once where nothing was sent, or where asking twice does no harm; otherwise the caller
 * learns that the outcome is unknown.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../ops/clock.ts';
import type { HostPort } from '../../ops/units.ts';
import { formatHostPort } from '../../ops/units.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import {
  ETCD_ANSWER_BYTES_MAX,
  ETCD_ATTEMPT_MS,
  ETCD_REQUEST_MS,
  ETCD_SOCKETS_MAX,
} from '../../protocol/limits.ts';
import { connectionError, refusal, wasNeverSent } from './http-errors.ts';
import { parseJson } from './json.ts';
import type { Json } from './json.ts';

/** PEM texts. */
export interface EtcdTls {
  /** Who may have signed the certificates of etcd; undefined: the system's list. */
  readonly ca: string | undefined;
  /** What this node shows etcd. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface EtcdGatewayOptions {
  /** Members of one etcd cluster; asked in this order. */
  readonly endpoints: readonly HostPort[];
  /** Undefined: plain HTTP. */
  readonly tls: EtcdTls | undefined;
  readonly clock: Clock;
}

export interface StreamEvents {
  readonly onMessage: (message: Json) => void;
  /** Once, unless cancelled: nothing more will come. */
  readonly onEnd: (error: FastChatError) => void;
}

/** Thrown on the way; `wasSent` false: etcd never saw the request. */
interface Failure {
  readonly error: FastChatError;
  readonly wasSent: boolean;
}

type Attempt = { readonly answer: string } | Failure;

export class EtcdGateway {
  readonly #options: EtcdGatewayOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  #at = 0;
  #isClosed = false;

  constructor(options: EtcdGatewayOptions) {
    const { tls } = options;
    const kept = { keepAlive: true, maxSockets: ETCD_SOCKETS_MAX };
    this.#options = options;
    this.#agent =
      tls === undefined ? new HttpAgent(kept) : new HttpsAgent({ ...kept, ...given(tls) });
  }

  /** Asks something that may be asked twice: a read, a renewal. @throws E_UNREACHABLE, E_TIMEOUT, E_CONFIG */
  async ask(path: string, body: Json): Promise<Json> {
    const deadlineMs = this.#options.clock.mono() + ETCD_REQUEST_MS;
    for (let tried = 1; ; tried += 1) {
      const attempt = await this.#attempt(path, body, ETCD_ATTEMPT_MS);
      if ('answer' in attempt) return parseJson(attempt.answer);
      this.#moveOn();
      const isOver = this.#options.clock.mono() >= deadlineMs;
      if (tried >= this.#options.endpoints.length || isOver) throw attempt.error;
    }
  }

  /** As `ask`, for a change: sent to a second member only if the first one never got it. */
  async change(path: string, body: Json): Promise<Json> {
    for (let tried = 1; ; tried += 1) {
      const attempt = await this.#attempt(path, body, ETCD_REQUEST_MS);
      if ('answer' in attempt) return parseJson(attempt.answer);
      this.#moveOn();
      if (attempt.wasSent || tried >= this.#options.endpoints.length) throw attempt.error;
    }
  }

  /** Reads an endless answer, one JSON message a line. */
  stream(path: string, body: Json, events: StreamEvents): { cancel(): void } {
    const place = this.#place;
    let isOver = false;
    const end = (error: FastChatError): void => {
      if (isOver) return;
      isOver = true;
      request.destroy();
      if (place === this.#place) this.#moveOn();
      events.onEnd(error);
    };
    const onMessage = (line: string): void => {
      if (!isOver) events.onMessage(parseJson(line));
    };
    const request = this.#request(path, (response) => {
      readLines(response, onMessage, (cause) => end(asFastChatError(cause)));
      response.on('close', () => end(connectionError(place, undefined)));
    });
    request.on('error', (cause) => end(connectionError(place, cause)));
    request.end(JSON.stringify(body));
    return {
      cancel: () => {
        isOver = true;
        request.destroy();
      },
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  get #place(): string {
    const { endpoints } = this.#options;
    const endpoint = endpoints[this.#at % endpoints.length];
    return endpoint === undefined ? '' : formatHostPort(endpoint);
  }

  #moveOn(): void {
    this.#at += 1;
  }

  #request(path: string, onResponse: (response: IncomingMessage) => void): ClientRequest {
    const { endpoints, tls } = this.#options;
    const { host, port } = endpoints[this.#at % endpoints.length] ?? { host: '', port: 0 };
    const options: RequestOptions = {
      host,
      port,
      path,
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json' },
    };
    return tls === undefined ? httpRequest(options, onResponse) : httpsRequest(options, onResponse);
  }

  #attempt(path: string, body: Json, deadlineMs: number): Promise<Attempt> {
    const place = this.#place;
    if (this.#isClosed) return Promise.resolve(failure(connectionError(place, undefined), false));
    return new Promise((resolve) => {
      const request = this.#request(path, (response) => {
        readAll(response).then(
          (answer) => settle(judged(place, response.statusCode ?? 0, answer)),
          (cause: unknown) => settle(failure(connectionError(place, cause), true)),
        );
      });
      const timer = this.#options.clock.after(deadlineMs, () =>
        settle(failure(overdue(place, deadlineMs), true)),
      );
      const settle = (attempt: Attempt): void => {
        timer.cancel();
        resolve(attempt);
        if (!('answer' in attempt)) request.destroy();
      };
      request.on('error', (cause) =>
        settle(failure(connectionError(place, cause), !wasNeverSent(cause))),
      );
      request.end(JSON.stringify(body));
    });
  }
}

function given(tls: EtcdTls): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tls).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function failure(error: FastChatError, wasSent: boolean): Failure {
  return { error, wasSent };
}

function overdue(place: string, deadlineMs: number): FastChatError {
  return new FastChatError('E_TIMEOUT', `etcd at ${place} did not answer within ${deadlineMs} ms`);
}

function judged(place: string, status: number, answer: string): Attempt {
  return status === 200 ? { answer } : failure(refusal(place, status, answer), true);
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ETCD_ANSWER_BYTES_MAX)
      throw new FastChatError('E_UNREACHABLE', 'an answer of etcd is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readLines(
  response: IncomingMessage,
  onLine: (line: string) => void,
  onError: (cause: unknown) => void,
): void {
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    try {
      if (rest.length > ETCD_ANSWER_BYTES_MAX)
        throw new FastChatError('E_UNREACHABLE', 'a message of etcd is too long');
      for (const line of lines) if (line !== '') onLine(line);
    } catch (cause) {
      onError(cause);
    }
  });
  response.on('error', onError);
}

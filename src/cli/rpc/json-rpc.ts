/** JSON-RPC 2.0 itself: what is a request, what an answer, what an error. */
import { asFastChatError, ERRORS, FastChatError } from '../../protocol/errors.ts';

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
/** Everything that FastChat itself answers; `data.code` says what. */
export const APPLICATION_ERROR = -32000;

export type RequestId = string | number | null;

export interface Request {
  /** undefined: a notification, which is never answered. */
  readonly id: RequestId | undefined;
  readonly method: string;
  readonly params: unknown;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: object;
}

export type Answer = {
  readonly jsonrpc: '2.0';
  readonly id: RequestId;
} & ({ readonly result: unknown } | { readonly error: RpcError });

/** Parameters that do not fit the method. */
export class InvalidParams extends Error {
  override readonly name = 'InvalidParams';
}

export function answer(id: RequestId, result: unknown): Answer {
  return { jsonrpc: '2.0', id, result };
}

export function refusal(id: RequestId, error: RpcError): Answer {
  return { jsonrpc: '2.0', id, error };
}

/** The standard codes carry the same data as our own: `E_USAGE`, never to be retried. */
export function protocolError(code: number, message: string): RpcError {
  return { code, message, data: { code: 'E_USAGE', retry: ERRORS.E_USAGE.retry } };
}

export function errorOf(cause: unknown): RpcError {
  if (cause instanceof InvalidParams) return protocolError(INVALID_PARAMS, cause.message);
  const { code, message, retry, retryAfterMs } = asFastChatError(cause);
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { code: APPLICATION_ERROR, message, data: { code, retry, ...wait } };
}

function idOf(value: unknown): RequestId | undefined {
  const isId = typeof value === 'string' || typeof value === 'number' || value === null;
  return isId ? value : undefined;
}

/** Reads one request; an answer instead says what is wrong with it. */
export function readRequest(value: unknown): Request | Answer {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refusal(null, protocolError(INVALID_REQUEST, 'a request is a JSON object'));
  const { jsonrpc, id, method, params } = value as Readonly<Record<string, unknown>>;
  const known = idOf(id);
  if (jsonrpc !== '2.0' || typeof method !== 'string' || (id !== undefined && known === undefined))
    return refusal(
      known ?? null,
      protocolError(INVALID_REQUEST, 'a request has jsonrpc "2.0", a method and an id'),
    );
  return { id: known, method, params };
}

/** @throws FastChatError E_USAGE when the bytes are not JSON in UTF-8 */
export function parseLine(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (cause) {
    throw new FastChatError('E_USAGE', 'the line is not JSON', { cause });
  }
}

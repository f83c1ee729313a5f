/**
 * Requests with answers, declared once in a table of name -> (tag, request, reply).
 * A request travels as `[tag, id, ...fields]`, an answer as the reply's fields alone: whoever asked knows what it asked.
 */
import { FastChatError } from './errors.ts';
import type { Struct } from './schema.ts';

export interface Call<Q, R> {
  readonly tag: number;
  readonly request: Struct<Q>;
  readonly reply: Struct<R>;
}

export function call<Q, R>(tag: number, request: Struct<Q>, reply: Struct<R>): Call<Q, R> {
  return { tag, request, reply };
}

type AnyCall = Call<never, never> | Call<unknown, unknown>;
type Shape = Readonly<Record<string, AnyCall>>;
type FieldsOf<C> = C extends Call<infer Q, infer _> ? Q : never;

/** Every request of a table as a union: `{ type: 'pull', ...fields }`. */
export type RequestOf<T extends Shape> = {
  [K in keyof T & string]: { readonly type: K } & FieldsOf<T[K]>;
}[keyof T & string];
/** The reply to the call named `K`. */
export type ReplyOf<T extends Shape, K extends keyof T> =
  T[K] extends Call<infer _, infer R> ? R : never;
/** Any reply of a table. */
export type AnyReplyOf<T extends Shape> = ReplyOf<T, keyof T>;

export interface CallTable<T extends Shape> {
  readonly calls: T;
  /** `[tag, id, ...fields]`. */
  packRequest(id: number, request: RequestOf<T>): unknown[];
  /** @throws E_BAD_FRAME */
  parseRequest(raw: readonly unknown[]): RequestOf<T>;
  packReply<K extends keyof T & string>(type: K, reply: ReplyOf<T, K>): unknown[];
  /** Reads the reply's fields from index `offset` to the end. @throws E_BAD_FRAME */
  parseReply<K extends keyof T & string>(
    type: K,
    raw: readonly unknown[],
    offset?: number,
  ): ReplyOf<T, K>;
}

type Row = readonly [name: string, call: Call<never, never>];

export function callTable<const T extends Shape>(calls: T): CallTable<T> {
  const rows = Object.entries(calls) as unknown as readonly Row[];
  const byTag = new Map(rows.map((row) => [row[1].tag, row]));
  const byName = new Map(rows);
  if (byTag.size !== rows.length) throw new FastChatError('E_INTERNAL', 'a call tag is used twice');
  const named = (name: string): Call<never, never> => {
    const found = byName.get(name);
    if (found === undefined) throw new FastChatError('E_INTERNAL', `no call named ${name}`);
    return found;
  };
  return {
    calls,
    packRequest(id, request) {
      const { tag, request: body } = named(request.type);
      return body.packInto([tag, id], request as never);
    },
    parseRequest(raw) {
      const row = byTag.get(raw[0] as number);
      if (row === undefined) throw new FastChatError('E_BAD_FRAME', 'no call has such a tag');
      const request = row[1].request.parseFrom(raw, 2) as Record<string, unknown>;
      request['type'] = row[0];
      return request as RequestOf<T>;
    },
    packReply: (type, reply) => named(type).reply.packInto([], reply as never),
    parseReply: (type, raw, offset = 0) => named(type).reply.parseFrom(raw, offset),
  };
}

/** The outcome of a request, for callers that cannot afford a promise each. */
export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: FastChatError };

export function succeed<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

export function fail(error: FastChatError): Outcome<never> {
  return { ok: false, error };
}

/** Reading etcd's JSON: 64-bit numbers and missing zeros as etcd writes them, byte strings in base64. Nothing is trusted. */
import { FastChatError } from '../../protocol/errors.ts';

export type Json = Readonly<Record<string, unknown>>;

function unexpected(what: string): FastChatError {
  return new FastChatError('E_UNREACHABLE', `etcd answered something that is not ${what}`);
}

export function asObject(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpected(what);
  return value as Json;
}

/** A field that may be missing. */
export function objectAt(json: Json, name: string): Json {
  const value = json[name];
  return value === undefined ? {} : asObject(value, `an object ${name}`);
}

/** Missing: empty. */
export function listAt(json: Json, name: string): readonly Json[] {
  const value = json[name] ?? [];
  if (!Array.isArray(value)) throw unexpected(`a list ${name}`);
  return value.map((entry) => asObject(entry, `a list of objects ${name}`));
}

/** Revisions and counts, which stay far below 2^53. Missing: 0. */
export function numberAt(json: Json, name: string): number {
  const value = Number(json[name] ?? 0);
  if (!Number.isSafeInteger(value)) throw unexpected(`a number ${name}`);
  return value;
}

/** Missing: empty. */
export function textAt(json: Json, name: string): string {
  const value = json[name] ?? '';
  if (typeof value !== 'string') throw unexpected(`a text ${name}`);
  return value;
}

export function bytesAt(json: Json, name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(textAt(json, name), 'base64'));
}

/** A key or value as etcd wants it. */
export function base64(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('base64');
}

/** One complete message. @throws E_UNREACHABLE */
export function parseJson(text: string): Json {
  try {
    return asObject(JSON.parse(text), 'a JSON object');
  } catch (cause) {
    throw new FastChatError('E_UNREACHABLE', 'etcd answered something that is not JSON', { cause });
  }
}

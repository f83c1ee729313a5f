/** Connect URLs: `fastchat://host:port[,host:port…]?fp=<SHA-256 of the cluster's TLS public key, base64url>`. */
import { fromBase64url, toBase64url } from '../crypto/base64url.ts';
import { FastChatError } from '../protocol/errors.ts';
import { CONNECT_URL_GATES_MAX } from '../protocol/limits.ts';

const SCHEME = 'fastchat://';
const FINGERPRINT_BYTES = 32;

/** A place where a gate listens. */
export interface GatePlace {
  readonly host: string;
  readonly port: number;
}

export interface ConnectUrl {
  /** Any of them will do; at least one. */
  readonly gates: readonly GatePlace[];
  /** undefined: the first key seen is pinned. */
  readonly fingerprint: Uint8Array | undefined;
}

function bad(text: string, why: string): FastChatError {
  const shown = JSON.stringify(text.slice(0, 120));
  return new FastChatError(
    'E_USAGE',
    `${shown} is not a connect URL (${why}): write fastchat://host:port[,host:port]?fp=FINGERPRINT`,
  );
}

function parseGate(url: string, text: string): GatePlace {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]@/?#,]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw bad(url, `${JSON.stringify(text.slice(0, 80))} is not host:port`);
  return { host, port };
}

function parseFingerprint(url: string, query: string): Uint8Array | undefined {
  if (query === '') return undefined;
  const match = /^fp=([A-Za-z0-9_-]{43})$/.exec(query);
  if (match?.[1] === undefined) throw bad(url, 'fp is 43 characters of base64url');
  const fingerprint = decodeFingerprint(url, match[1]);
  if (fingerprint.length !== FINGERPRINT_BYTES) throw bad(url, 'fp is a SHA-256');
  return fingerprint;
}

function decodeFingerprint(url: string, text: string): Uint8Array {
  try {
    return fromBase64url(text);
  } catch {
    throw bad(url, 'fp is not base64url');
  }
}

/** @throws E_USAGE */
export function parseConnectUrl(text: string): ConnectUrl {
  if (!text.startsWith(SCHEME)) throw bad(text, `it begins with ${SCHEME}`);
  const rest = text.slice(SCHEME.length);
  const mark = rest.indexOf('?');
  const places = (mark < 0 ? rest : rest.slice(0, mark)).replace(/\/$/, '').split(',');
  if (places.length > CONNECT_URL_GATES_MAX) throw bad(text, 'too many gates');
  const gates = places.map((place) => parseGate(text, place));
  return { gates, fingerprint: parseFingerprint(text, mark < 0 ? '' : rest.slice(mark + 1)) };
}

/** The inverse of `parseConnectUrl`. */
export function formatConnectUrl(url: ConnectUrl): string {
  const places = url.gates.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  );
  const query = url.fingerprint === undefined ? '' : `?fp=${toBase64url(url.fingerprint)}`;
  return `${SCHEME}${places.join(',')}${query}`;
}

/** What goes wrong between here and etcd, in the words of the catalogue: the one place that meets these foreign errors. */
import { FastChatError } from '../../protocol/errors.ts';
import { parseJson, textAt } from './json.ts';

/** Codes by which node:tls refuses etcd's certificate, or etcd refuses ours. */
const CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function codeOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** A connection that could not be made, or ended. */
export function connectionError(place: string, cause: unknown): FastChatError {
  const code = codeOf(cause);
  if (CERTIFICATE_CODES.has(code))
    return new FastChatError(
      'E_CONFIG',
      `coordinator: the certificate of etcd at ${place} is not trusted (${code}): see coordinator-ca`,
      { cause },
    );
  if (code.startsWith('ERR_SSL') || code === 'EPROTO')
    return new FastChatError(
      'E_CONFIG',
      `coordinator: no TLS with etcd at ${place} (${code}): etcds:// needs TLS there, and perhaps coordinator-cert`,
      { cause },
    );
  // This is also all that one hears of an etcd that expects TLS.
  const what =
    code === 'ECONNRESET' ? 'hung up; if it speaks TLS, write etcds://' : 'does not answer';
  return new FastChatError('E_UNREACHABLE', `etcd at ${place} ${what}`, { cause });
}

/** Whether the request surely never left: another member may be asked without a second thought. */
export function wasNeverSent(cause: unknown): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
    codeOf(cause),
  );
}

/** An answer that is no success. */
export function refusal(place: string, status: number, body: string): FastChatError {
  if (status === 404)
    return new FastChatError(
      'E_CONFIG',
      `coordinator: etcd at ${place} does not serve its JSON gateway: start it with --enable-grpc-gateway`,
    );
  if (!body.startsWith('{'))
    return new FastChatError(
      'E_CONFIG',
      `coordinator: ${place} does not speak etcd's protocol (HTTP ${status}); for TLS write etcds://`,
    );
  const message = textAt(parseJson(body), 'error');
  const isDenied = status === 401 || status === 403;
  return new FastChatError(
    isDenied ? 'E_CONFIG' : 'E_UNREACHABLE',
    `etcd at ${place} refuses: ${message || `HTTP ${status}`}`,
  );
}

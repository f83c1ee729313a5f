/**
 * The join token: who has this line may add a node to the cluster. It is kept in a file of mode 0600, sent by nobody,
 * and rotated by making a new secret. A stolen token lets a node in until then.
 */
import type { Random } from '../ops/random.ts';
import { decode, encode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import { bytes, struct, text, u16 } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';

const JOIN_SECRET_BYTES = 32;

const joinToken = struct({
  /** Where a gate of the cluster is dialled. */
  gateHost: text(255),
  gatePort: u16,
  /** SHA-256 of the cluster's TLS public key. */
  fingerprint: bytes(32),
  secret: bytes(JOIN_SECRET_BYTES),
});
export type JoinToken = Infer<typeof joinToken>;

/** Tells the text of a token, and its version, from other base64. */
const PREFIX = 'fastchat-join-1.';

/** A new secret: tokens with another one no longer work once the gates know it. */
export function newJoinSecret(random: Random): Uint8Array {
  return random.bytes(JOIN_SECRET_BYTES);
}

/** One line without a line feed. */
export function formatJoinToken(token: JoinToken): string {
  return PREFIX + Buffer.from(encode(joinToken, token)).toString('base64url');
}

/** Reads what `formatJoinToken` wrote; white space around it is ignored. @throws E_CONFIG */
export function parseJoinToken(line: string): JoinToken {
  const trimmed = line.trim();
  if (!trimmed.startsWith(PREFIX))
    throw new FastChatError(
      'E_CONFIG',
      `this is not a join token: the file join.token of a running node begins with ${PREFIX}`,
    );
  const body = trimmed.slice(PREFIX.length);
  try {
    if (!/^[A-Za-z0-9_-]+$/.test(body)) throw new FastChatError('E_BAD_FRAME', 'not base64url');
    return decode(joinToken, Uint8Array.from(Buffer.from(body, 'base64url')));
  } catch (cause) {
    throw new FastChatError('E_CONFIG', 'the join token is damaged: copy the whole line again', {
      cause,
    });
  }
}

/** Invitations: the operator's signed permission to register one user name until a time. */
import { decode, encode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { struct, u53, userId } from '../protocol/schema.ts';
import type { Infer } from '../protocol/schema.ts';
import { fromBase64url, toBase64url } from './base64url.ts';
import { decodeSigned, encodeSigned } from './signed.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

const invitation = struct({
  user: userId,
  /** Milliseconds since 1970. */
  expiresAtMs: u53,
});
export type Invitation = Infer<typeof invitation>;

/** One line of base64url text, signed with the cluster's key. It may be used until it expires: names are unique anyway. */
export function signInvitation(
  suite: VerifyingSuite,
  content: Invitation,
  privateKey: Uint8Array,
): string {
  const signed = encodeSigned(suite, TAGS.invitation, encode(invitation, content), privateKey);
  return toBase64url(signed);
}

/** Checks that `text` lets `wanted.user` register now. @throws E_REGISTRATION */
export function verifyInvitation(
  suite: VerifyingSuite,
  text: string,
  publicKey: Uint8Array,
  wanted: { readonly user: UserId; readonly nowMs: number },
): void {
  const content = openInvitation(suite, text, publicKey);
  if (content.user !== wanted.user)
    throw new FastChatError('E_REGISTRATION', 'the invitation is for another name');
  if (content.expiresAtMs <= wanted.nowMs)
    throw new FastChatError('E_REGISTRATION', 'the invitation has expired');
}

function openInvitation(suite: VerifyingSuite, text: string, publicKey: Uint8Array): Invitation {
  try {
    const signed = fromBase64url(text);
    return decode(invitation, decodeSigned(suite, TAGS.invitation, signed, publicKey));
  } catch (cause) {
    throw new FastChatError('E_REGISTRATION', 'not an invitation to this cluster', { cause });
  }
}

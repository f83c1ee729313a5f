/**
 * What lies inside every sealed message, direct or group: signature (64 bytes), format (1), content, padding. The
 * signature covers everything behind it as it came in, and what both ends know but do not send.
 */
import { FastChatError } from '../../protocol/errors.ts';
import { concat } from '../bytes.ts';
import { SIGNATURE_BYTES } from '../sizes.ts';
import type { OpeningSuite, VerifyingSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import { pad, unpad } from './padding.ts';

const FORMAT = 1;
const FORMAT_BYTES = 1;
const MESSAGE_HASH_BYTES = 32;

/** Which kind of message this is; never interchangeable. */
export interface Purpose {
  readonly tag: string;
  /** Signed along, not sent: for a direct message the identity key it is meant for. */
  readonly bound: readonly Uint8Array[];
}

/** Signs and pads `content` with the sender's identity. */
export function signInner(
  suite: OpeningSuite,
  purpose: Purpose,
  content: Uint8Array,
  privateKey: Uint8Array,
): Uint8Array {
  const padded = pad(concat(Uint8Array.of(FORMAT), content));
  return concat(suite.sign(purpose.tag, [padded, ...purpose.bound], privateKey), padded);
}

/**
 * The content, checked, as a view of `inner`.
 * @throws E_VERSION for another format, E_SIGNATURE, E_BAD_FRAME
 */
export function verifyInner(
  suite: OpeningSuite,
  purpose: Purpose,
  inner: Uint8Array,
  identity: Uint8Array,
): Uint8Array {
  const signature = inner.subarray(0, SIGNATURE_BYTES);
  const padded = inner.subarray(SIGNATURE_BYTES);
  // Before the signature, as another format may sign otherwise; the tag of this one signs this format only.
  if (padded[0] !== FORMAT)
    throw new FastChatError('E_VERSION', 'the message has a format that this client does not know');
  if (!suite.verify(purpose.tag, [padded, ...purpose.bound], signature, identity))
    throw new FastChatError('E_SIGNATURE', 'the sender did not sign this for this purpose');
  return unpad(padded).subarray(FORMAT_BYTES);
}

/** Names a signed inner; the sender's next message carries it. */
export function innerHash(suite: VerifyingSuite, inner: Uint8Array): Uint8Array {
  return suite.hash(TAGS.messageHash, [inner], MESSAGE_HASH_BYTES);
}

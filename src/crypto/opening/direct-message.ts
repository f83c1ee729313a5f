/**
 * Direct messages: signed by the sender's identity, then sealed to the recipient's box key. The signed inner repeats
 * every field of the clear header and names the recipient, so a node cannot change, move, replay or re-address it, and
 * a recipient cannot pass it on as if it were meant for somebody else. There is no state that could get out of step.
 */
import { body } from '../../protocol/bodies.ts';
import type { Body } from '../../protocol/bodies.ts';
import { decode, encode } from '../../protocol/codec.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { DeviceId, Incarnation, MessageId, UserId } from '../../protocol/ids.ts';
import { DIRECT_BODY_BYTES_MAX } from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  deviceId,
  incarnation,
  messageId,
  struct,
  u32,
  u53,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';
import { messageTag } from '../identity.ts';
import type { KeyPair, OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import { checkHeader } from './header-check.ts';
import { innerHash, signInner, verifyInner } from './signed-inner.ts';
import type { Purpose } from './signed-inner.ts';

const directInner = struct({
  from: userId,
  device: deviceId,
  counter: u53,
  previous: bytes(32),
  to: userId,
  incarnation,
  id: messageId,
  timestamp: u53,
  boxEpoch: u32,
  quiet: bool,
  body,
});
type DirectInner = Infer<typeof directInner>;

/** What the sender says. To oneself it is for the other devices: a note, or the `sync` of what was sent. */
export interface DirectDraft {
  readonly from: UserId;
  readonly device: DeviceId;
  /** From 1, contiguous in this log. */
  readonly counter: number;
  /** Hash of this device's message with counter - 1 in this log; `NO_PREVIOUS` for the first. */
  readonly previous: Uint8Array;
  readonly to: UserId;
  /** The life of the recipient's log. */
  readonly incarnation: Incarnation;
  readonly id: MessageId;
  /** Milliseconds since 1970, by the sender's clock. */
  readonly timestamp: number;
  readonly quiet: boolean;
  readonly body: Body;
}

/** Whom it is sealed to: keys that the sender has verified (`verifyBoxKey`) and pinned. */
export interface Recipient {
  readonly identity: Uint8Array;
  readonly box: { readonly epoch: number; readonly publicKey: Uint8Array };
}

/** A direct message whose every claim was checked. */
export interface OpenedMessage extends DirectInner {
  /** What the next message of that device names as `previous`. */
  readonly hash: Uint8Array;
}

/** What a device's first message in a log names as the one before. */
export const NO_PREVIOUS: Uint8Array = new Uint8Array(32);

/** The tag tells direct messages from notes to self; both ends know the identity key that it is meant for. */
function purposeOf(from: UserId, to: UserId, toIdentity: Uint8Array): Purpose {
  return { tag: from === to ? TAGS.selfSync : TAGS.direct, bound: [toIdentity] };
}

/**
 * Makes the envelope of a direct message, and the hash that this device's next message in the log will name.
 * @throws E_TOO_LARGE, E_SIGNATURE when the recipient's box key is no usable point
 */
export function sealDirect(
  suite: OpeningSuite,
  draft: DirectDraft,
  recipient: Recipient,
  identityPrivateKey: Uint8Array,
): { readonly envelope: Envelope; readonly hash: Uint8Array } {
  if (bodyBytes(draft.body) > DIRECT_BODY_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', 'the message is too long for one envelope');
  const content = encode(directInner, { ...draft, boxEpoch: recipient.box.epoch });
  const purpose = purposeOf(draft.from, draft.to, recipient.identity);
  const inner = signInner(suite, purpose, content, identityPrivateKey);
  const envelope: Envelope = {
    to: draft.to,
    incarnation: draft.incarnation,
    from: draft.from,
    device: draft.device,
    counter: draft.counter,
    tag: messageTag(suite, draft.from, draft.to, draft.id),
    boxEpoch: recipient.box.epoch,
    quiet: draft.quiet,
    body: suite.seal(inner, recipient.box.publicKey),
  };
  return { envelope, hash: innerHash(suite, inner) };
}

/** Encoded size of a body; what `DIRECT_BODY_BYTES_MAX` bounds. A batch of sync items is filled up to it. */
export function bodyBytes(content: Body): number {
  return encode(body, content).length;
}

/** What the receiving device knows for itself, never from the node that hands it the envelope. */
export interface OpenInput {
  readonly envelope: Envelope;
  readonly self: { readonly user: UserId; readonly identity: Uint8Array };
  readonly keysByEpoch: ReadonlyMap<number, KeyPair>;
  /** The pinned identity key of `envelope.from`. */
  readonly senderIdentity: Uint8Array;
}

/**
 * Opens and checks a direct message: seal, format, signature, purpose, and every context field against the clear header.
 * Whether it is new and in order is `checkChain`'s to say. Byte strings are views of one fresh buffer.
 * @throws E_DECRYPT, E_VERSION, E_SIGNATURE, E_BAD_FRAME
 */
export function openDirect(suite: OpeningSuite, input: OpenInput): OpenedMessage {
  const { envelope, self } = input;
  if (envelope.to !== self.user)
    throw new FastChatError('E_SIGNATURE', 'the envelope is addressed to somebody else');
  const keys = input.keysByEpoch.get(envelope.boxEpoch);
  if (keys === undefined)
    throw new FastChatError('E_DECRYPT', `no box key of epoch ${envelope.boxEpoch} any more`);
  const inner = suite.openSealed(envelope.body, keys);
  const purpose = purposeOf(envelope.from, self.user, self.identity);
  const content = verifyInner(suite, purpose, inner, input.senderIdentity);
  const opened = decode(directInner, content);
  checkHeader(suite, envelope, opened);
  if (opened.body.type === 'sync' && opened.from !== self.user)
    throw new FastChatError('E_SIGNATURE', 'nobody else may tell what this user has sent');
  return { ...opened, hash: innerHash(suite, inner) };
}

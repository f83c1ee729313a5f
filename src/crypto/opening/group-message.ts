/**
 * Messages to a group: signed by the sender's identity, then encrypted with the key of the group's epoch. The signature
 * covers the commitment to that key as well, so a message is bound to one epoch of one life of one group, and no member
 * can write in another one's name.
 */
import { contentBody } from '../../protocol/bodies.ts';
import type { ContentBody } from '../../protocol/bodies.ts';
import { decode, encode } from '../../protocol/codec.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { DeviceId, GroupId, Incarnation, MessageId, UserId } from '../../protocol/ids.ts';
import { DIRECT_BODY_BYTES_MAX } from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  deviceId,
  groupId,
  incarnation,
  messageId,
  struct,
  u32,
  u53,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';
import { u53Bytes, utf8 } from '../bytes.ts';
import { messageTag } from '../identity.ts';
import type { SecretBytes } from '../secrets.ts';
import type { OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import { bodyBytes } from './direct-message.ts';
import { placeParts } from './group-keys.ts';
import { checkHeader } from './header-check.ts';
import { innerHash, signInner, verifyInner } from './signed-inner.ts';
import type { Purpose } from './signed-inner.ts';

const groupInner = struct({
  from: userId,
  device: deviceId,
  counter: u53,
  previous: bytes(32),
  to: groupId,
  incarnation,
  id: messageId,
  timestamp: u53,
  /** The epoch of the group's key. */
  boxEpoch: u32,
  quiet: bool,
  body: contentBody,
});
type GroupInner = Infer<typeof groupInner>;

/** What the sender says. */
export interface GroupDraft {
  readonly from: UserId;
  readonly device: DeviceId;
  /** From 1, contiguous in this life of the group. */
  readonly counter: number;
  /** Hash of this device's message with counter - 1 in this log; `NO_PREVIOUS` for the first. */
  readonly previous: Uint8Array;
  readonly to: GroupId;
  readonly incarnation: Incarnation;
  readonly id: MessageId;
  /** Milliseconds since 1970, by the sender's clock. */
  readonly timestamp: number;
  readonly quiet: boolean;
  readonly body: ContentBody;
}

/** The key of an epoch as a roster announces it. */
export interface EpochKey {
  readonly epoch: number;
  readonly commitment: Uint8Array;
  readonly key: SecretBytes;
}

/** A message to a group whose every claim was checked. */
export interface OpenedGroupMessage extends GroupInner {
  /** What the next message of that device names as `previous`. */
  readonly hash: Uint8Array;
}

/**
 * Makes the envelope of a message, and the hash that this device's next message in the group will name.
 * @throws E_TOO_LARGE
 */
export function sealGroupMessage(
  suite: OpeningSuite,
  draft: GroupDraft,
  epochKey: EpochKey,
  identityPrivateKey: Uint8Array,
): { readonly envelope: Envelope; readonly hash: Uint8Array } {
  if (bodyBytes(draft.body) > DIRECT_BODY_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', 'the message is too long for one envelope');
  const content = encode(groupInner, { ...draft, boxEpoch: epochKey.epoch });
  const inner = signInner(suite, purposeOf(epochKey), content, identityPrivateKey);
  const { to, incarnation: life, from, device, counter, quiet, id } = draft;
  const tag = messageTag(suite, from, to, id);
  const header = {
    to,
    incarnation: life,
    from,
    device,
    counter,
    tag,
    boxEpoch: epochKey.epoch,
    quiet,
  };
  const body = suite.encrypt(TAGS.groupBody, inner, contextOf(header, to), epochKey.key.reveal());
  return { envelope: { ...header, body }, hash: innerHash(suite, inner) };
}

/**
 * Opens and checks a message: key, commitment, format, signature, and every context field against the clear header.
 * Whether it may stand at its place is `refuseMessage`'s to say, whether it is new and in order `checkChain`'s.
 * @throws E_DECRYPT, E_VERSION, E_SIGNATURE, E_BAD_FRAME
 */
export function openGroupMessage(
  suite: OpeningSuite,
  { envelope, group }: { readonly envelope: Envelope; readonly group: GroupId },
  epochKey: EpochKey,
  senderIdentity: Uint8Array,
): OpenedGroupMessage {
  if (envelope.to !== group)
    throw new FastChatError('E_SIGNATURE', 'the envelope is addressed to something else');
  if (envelope.boxEpoch !== epochKey.epoch)
    throw new FastChatError('E_DECRYPT', 'the envelope is of another epoch than the key');
  const context = contextOf(envelope, group);
  const inner = suite.decrypt(TAGS.groupBody, envelope.body, context, epochKey.key.reveal());
  const content = verifyInner(suite, purposeOf(epochKey), inner, senderIdentity);
  const opened = decode(groupInner, content);
  checkHeader(suite, envelope, opened);
  return { ...opened, hash: innerHash(suite, inner) };
}

function purposeOf({ commitment }: EpochKey): Purpose {
  return { tag: TAGS.groupMessage, bound: [commitment] };
}

type Header = Omit<Envelope, 'body'>;

/** Authenticated along with the text: a changed header does not even open. */
function contextOf(header: Header, group: GroupId): Uint8Array[] {
  const { incarnation: life, boxEpoch, from, device, counter, tag } = header;
  const place = placeParts({ group, incarnation: life, epoch: boxEpoch });
  return [...place, utf8(from), u53Bytes(device), u53Bytes(counter), tag];
}

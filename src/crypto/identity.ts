/** The public side of who a user is: the box key signed by the identity, and the name of a message for its header. */
import type { BoxKey } from '../protocol/account.ts';
import type { Address, MessageId, UserId } from '../protocol/ids.ts';
import { u53Bytes, utf8 } from './bytes.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

const MESSAGE_TAG_BYTES = 16;

/** What the identity signs when it publishes a box key. */
export function boxKeyParts(user: UserId, epoch: number, publicKey: Uint8Array): Uint8Array[] {
  return [utf8(user), u53Bytes(epoch), publicKey];
}

/** Whether `identity` said that `user` is written to with this box key in this epoch. */
export function verifyBoxKey(
  suite: VerifyingSuite,
  user: UserId,
  identity: Uint8Array,
  key: BoxKey,
): boolean {
  const parts = boxKeyParts(user, key.epoch, key.publicKey);
  return suite.verify(TAGS.boxKey, parts, key.signature, identity);
}

/** Names a message in its clear header, so that a node tells a retry from another message; 16 bytes. */
export function messageTag(
  suite: VerifyingSuite,
  from: UserId,
  to: Address,
  id: MessageId,
): Uint8Array {
  return suite.hash(TAGS.messageTag, [utf8(from), utf8(to), utf8(id)], MESSAGE_TAG_BYTES);
}

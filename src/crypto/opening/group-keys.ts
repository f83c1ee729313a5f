/**
 * Keys of a group, one per epoch. A fresh one is sealed to every member; when somebody is added, the next one follows
 * from the one before, so that those who have it need nothing and the new member cannot go back. The signed operation
 * commits to the key, so nobody can hand out two, and a seal moved elsewhere opens to nothing that is accepted.
 */
import { decode, encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { groupProfile } from '../../protocol/group-log.ts';
import type { GroupProfile } from '../../protocol/group-log.ts';
import type { GroupId, Incarnation } from '../../protocol/ids.ts';
import { u53Bytes, utf8 } from '../bytes.ts';
import { SecretBytes } from '../secrets.ts';
import { COMMITMENT_BYTES, SYMMETRIC_KEY_BYTES } from '../sizes.ts';
import type { KeyPair, OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import { pad, unpad } from './padding.ts';

/** Names one key: an epoch in one life of a group. */
export interface KeyPlace {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
  readonly epoch: number;
}

/** The place as bytes, for hashes and contexts. */
export function placeParts({ group, incarnation, epoch }: KeyPlace): Uint8Array[] {
  return [utf8(group), utf8(incarnation), u53Bytes(epoch)];
}

export function createGroupKey(suite: OpeningSuite): SecretBytes {
  return new SecretBytes(suite.random(SYMMETRIC_KEY_BYTES));
}

/** The key after an `add`, from the key before and the statement as it was signed. */
export function nextGroupKey(
  suite: OpeningSuite,
  key: SecretBytes,
  statement: Uint8Array,
): SecretBytes {
  return new SecretBytes(suite.deriveKey(TAGS.groupKeyStep, key.reveal(), [statement]));
}

/** What an operation says of a key without telling it. */
export function keyCommitment(suite: OpeningSuite, place: KeyPlace, key: SecretBytes): Uint8Array {
  return suite.hash(TAGS.groupKey, [...placeParts(place), key.reveal()], COMMITMENT_BYTES);
}

/** @throws E_DECRYPT when this is not the key that the operation commits to */
export function checkGroupKey(
  suite: OpeningSuite,
  place: KeyPlace & { readonly commitment: Uint8Array },
  key: SecretBytes,
): void {
  if (
    key.length !== SYMMETRIC_KEY_BYTES ||
    !suite.equal(keyCommitment(suite, place, key), place.commitment)
  )
    throw new FastChatError('E_DECRYPT', 'not the group key that was announced');
}

/** For one member: to its current box key. @throws E_SIGNATURE when that is no usable point */
export function sealGroupKey(
  suite: OpeningSuite,
  key: SecretBytes,
  boxPublicKey: Uint8Array,
): Uint8Array {
  return suite.seal(key.reveal(), boxPublicKey);
}

/** Opens a seal and compares with what the operation of that epoch commits to. @throws E_DECRYPT */
export function openGroupKey(
  suite: OpeningSuite,
  place: KeyPlace & { readonly commitment: Uint8Array },
  sealed: Uint8Array,
  keys: KeyPair,
): SecretBytes {
  const plain = suite.openSealed(sealed, keys);
  const key = new SecretBytes(plain);
  plain.fill(0);
  checkGroupKey(suite, place, key);
  return key;
}

/** Title and topic as they lie in an operation. */
export function sealProfile(
  suite: OpeningSuite,
  place: KeyPlace,
  profile: GroupProfile,
  key: SecretBytes,
): Uint8Array {
  const plain = pad(encode(groupProfile, profile));
  return suite.encrypt(TAGS.groupProfile, plain, placeParts(place), key.reveal());
}

/** @throws E_DECRYPT, E_BAD_FRAME */
export function openProfile(
  suite: OpeningSuite,
  place: KeyPlace,
  sealed: Uint8Array,
  key: SecretBytes,
): GroupProfile {
  const plain = suite.decrypt(TAGS.groupProfile, sealed, placeParts(place), key.reveal());
  return decode(groupProfile, unpad(plain));
}

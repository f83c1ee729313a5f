/** Operations on a group as signed bytes: reading, checking and naming them. What they mean is `group-roster.ts`'s to say. */
import { decode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import { groupStatement, operationContent } from '../protocol/group-log.ts';
import type { GroupOperation } from '../protocol/group-log.ts';
import { SIGNATURE_BYTES } from './sizes.ts';
import { decodeSigned } from './signed.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

const HASH_BYTES = 32;

/** Names an operation by all its bytes, the signature included. */
export function operationHash(suite: VerifyingSuite, signed: Uint8Array): Uint8Array {
  return suite.hash(TAGS.groupOperationHash, [signed], HASH_BYTES);
}

/** Reads an operation whose author is not known yet: nothing of it may be believed. @throws E_BAD_FRAME */
export function readOperation(suite: VerifyingSuite, signed: Uint8Array): GroupOperation {
  return parseContent(suite, signed, signed.subarray(SIGNATURE_BYTES));
}

/** Reads an operation that `identity` has signed. @throws E_SIGNATURE, E_BAD_FRAME */
export function verifyOperation(
  suite: VerifyingSuite,
  signed: Uint8Array,
  identity: Uint8Array,
): GroupOperation {
  if (signed.length <= SIGNATURE_BYTES)
    throw new FastChatError('E_BAD_FRAME', 'too short to be an operation');
  return parseContent(suite, signed, decodeSigned(suite, TAGS.groupOperation, signed, identity));
}

function parseContent(
  suite: VerifyingSuite,
  signed: Uint8Array,
  content: Uint8Array,
): GroupOperation {
  const { statement, commitment, profile } = decode(operationContent, content);
  const hash = operationHash(suite, signed);
  return { ...decode(groupStatement, statement), statement, commitment, profile, hash };
}

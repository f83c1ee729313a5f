/** The sixty digits that two people compare to be sure of an identity key. */
import { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { utf8 } from './bytes.ts';
import type { VerifyingSuite } from './suite.ts';
import { TAGS } from './tags.ts';

const GROUPS = 12;
const GROUP_DIGITS = 5;
const DIGITS = GROUPS * GROUP_DIGITS;
/** Bytes that make one group: 2^40 values, so the bias of the remainder is below 1 in 10 million. */
const GROUP_BYTES = 5;
const HASH_BYTES = 64;
/** Makes the search for a key with a similar fingerprint a thousand times dearer; costs about 3 ms. */
const ITERATIONS = 1024;

/** 60 digits for a user's identity key, without spaces: the form that is stored and compared. */
export function fingerprint(suite: VerifyingSuite, user: UserId, identity: Uint8Array): string {
  const who = [utf8(user), identity];
  let digest = suite.hash(TAGS.fingerprint, who, HASH_BYTES);
  for (let round = 1; round < ITERATIONS; round++)
    digest = suite.hash(TAGS.fingerprint, [digest, ...who], HASH_BYTES);
  let digits = '';
  for (let group = 0; group < GROUPS; group++) {
    const start = group * GROUP_BYTES;
    digits += groupDigits(digest.subarray(start, start + GROUP_BYTES));
  }
  return digits;
}

function groupDigits(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return String(value % 10 ** GROUP_DIGITS).padStart(GROUP_DIGITS, '0');
}

/** The form people read: twelve groups of five digits. */
export function formatFingerprint(digits: string): string {
  return (digits.match(/\d{5}/g) ?? []).join(' ');
}

/** Reads what a person typed or pasted; white space and dashes do not matter. @throws E_USAGE */
export function parseFingerprint(text: string): string {
  const digits = text.replaceAll(/[\s-]/g, '');
  if (digits.length !== DIGITS || !/^\d+$/.test(digits))
    throw new FastChatError('E_USAGE', `a fingerprint is ${DIGITS} digits in groups of five`);
  return digits;
}

/** Making operations on a group: the right key for the change, the profile under it, and the author's signature. */
import { encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { NO_OPERATION, groupStatement, operationContent } from '../../protocol/group-log.ts';
import type { GroupChange, GroupProfile } from '../../protocol/group-log.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import {
  GROUP_OPERATION_BYTES_MAX,
  GROUP_TITLE_LENGTH_MAX,
  GROUP_TOPIC_LENGTH_MAX,
} from '../../protocol/limits.ts';
import { operationHash } from '../group-operations.ts';
import { keySourceOf } from '../../protocol/group-roster.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { SecretBytes } from '../secrets.ts';
import { encodeSigned } from '../signed.ts';
import type { OpeningSuite } from '../suite.ts';
import { TAGS } from '../tags.ts';
import {
  checkGroupKey,
  createGroupKey,
  keyCommitment,
  nextGroupKey,
  sealProfile,
} from './group-keys.ts';

/** Where a chain begins. */
export interface NewGroup {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
}

/** What an author wants. */
export interface OperationDraft {
  readonly author: UserId;
  /** Milliseconds since 1970, by the author's clock. */
  readonly at: number;
  readonly change: GroupChange;
  /** Title and topic from then on; the ones that are when the change is no rename. */
  readonly profile: GroupProfile;
}

/** An operation ready to be sent, and the key that holds once it is taken. */
export interface MadeOperation {
  readonly signed: Uint8Array;
  readonly hash: Uint8Array;
  readonly epoch: number;
  /** To be sealed to every member when fresh, to whoever is added when derived; kept until the operation is taken. */
  readonly key: SecretBytes;
}

/**
 * Makes the operation that follows `roster`, whose key is `key`. Whether the author may is for `applyOperation` to say.
 * @throws E_DECRYPT when `key` is not the one of the roster's epoch, E_TOO_LARGE
 */
export function makeOperation(
  suite: OpeningSuite,
  { roster, key }: { readonly roster: Roster; readonly key: SecretBytes },
  draft: OperationDraft,
  identityPrivateKey: Uint8Array,
): MadeOperation {
  checkGroupKey(suite, roster, key);
  const { group, incarnation, position, hash: previous } = roster;
  const source = keySourceOf(draft.change);
  const epoch = roster.epoch + (source === 'same' ? 0 : 1);
  const place = { group, incarnation, position: position + 1, previous, epoch };
  const statement = encode(groupStatement, { ...place, ...draft });
  const next = {
    same: () => key,
    derived: () => nextGroupKey(suite, key, statement),
    fresh: () => createGroupKey(suite),
  }[source]();
  return sign(suite, { place, statement, key: next, draft }, identityPrivateKey);
}

/** Makes the first operation of a group. @throws E_TOO_LARGE */
export function makeCreation(
  suite: OpeningSuite,
  { group, incarnation }: NewGroup,
  draft: OperationDraft,
  identityPrivateKey: Uint8Array,
): MadeOperation {
  const place = { group, incarnation, position: 1, previous: NO_OPERATION, epoch: 1 };
  const statement = encode(groupStatement, { ...place, ...draft });
  const key = createGroupKey(suite);
  return sign(suite, { place, statement, key, draft }, identityPrivateKey);
}

interface Unsigned {
  readonly place: NewGroup & { readonly epoch: number };
  readonly statement: Uint8Array;
  readonly key: SecretBytes;
  readonly draft: OperationDraft;
}

function sign(
  suite: OpeningSuite,
  { place, statement, key, draft }: Unsigned,
  identityPrivateKey: Uint8Array,
): MadeOperation {
  const { change, profile } = draft;
  checkLengths(profile);
  const hasProfile = keySourceOf(change) !== 'same' || change.type === 'rename';
  const content = encode(operationContent, {
    statement,
    commitment: keyCommitment(suite, place, key),
    profile: hasProfile ? sealProfile(suite, place, profile, key) : undefined,
  });
  const signed = encodeSigned(suite, TAGS.groupOperation, content, identityPrivateKey);
  if (signed.length > GROUP_OPERATION_BYTES_MAX)
    throw new FastChatError('E_TOO_LARGE', 'too many members for one operation');
  return { signed, hash: operationHash(suite, signed), epoch: place.epoch, key };
}

function checkLengths({ title, topic }: GroupProfile): void {
  if (title.length > GROUP_TITLE_LENGTH_MAX)
    throw new FastChatError(
      'E_TOO_LARGE',
      `a title has at most ${GROUP_TITLE_LENGTH_MAX} characters`,
    );
  if (topic.length > GROUP_TOPIC_LENGTH_MAX)
    throw new FastChatError(
      'E_TOO_LARGE',
      `a topic has at most ${GROUP_TOPIC_LENGTH_MAX} characters`,
    );
}

/**
 * What a group's log is made of: messages, and operations on the group itself, in one order. An operation is signed by
 * its author and names the one before by its hash, so no node can add, drop, exchange or reorder one unseen.
 */
import { envelope } from './envelope.ts';
import {
  GROUP_MEMBERS_MAX,
  GROUP_OPERATION_BYTES_MAX,
  GROUP_PROFILE_BYTES_MAX,
  GROUP_SEALS_MAX,
  GROUP_TITLE_LENGTH_MAX,
  GROUP_TOPIC_LENGTH_MAX,
  PULL_ENTRIES_MAX,
} from './limits.ts';
import {
  bytes,
  groupId,
  incarnation,
  list,
  oneOf,
  optional,
  struct,
  text,
  u32,
  u53,
  union,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

/** From the least to the most that one may do: read; write as well; change the group as well. */
export const groupRole = oneOf('observer', 'member', 'admin');
export type GroupRole = Infer<typeof groupRole>;

export const groupMember = struct({ user: userId, role: groupRole });
export type GroupMember = Infer<typeof groupMember>;

const none = struct({});

/** What an operation changes. Variants are only ever appended. */
export const groupChange = union({
  /** The author becomes an admin; `members` are the others. */
  create: [1, struct({ members: list(groupMember, GROUP_MEMBERS_MAX) })],
  add: [2, groupMember],
  remove: [3, struct({ user: userId })],
  leave: [4, none],
  promote: [5, groupMember],
  demote: [6, groupMember],
  /** `user` becomes an admin, the author a member. */
  transfer: [7, struct({ user: userId })],
  /** The profile is another one. */
  rename: [8, none],
  delete: [9, none],
  /** Only the key is another one. */
  rekey: [10, none],
});
export type GroupChange = Infer<typeof groupChange>;

/** Who did what, and after what. Its bytes also lead from one group key to the next when somebody is added. */
export const groupStatement = struct({
  group: groupId,
  incarnation,
  /** From 1, dense. */
  position: u53,
  /** Hash of the operation before; zeros for the first. */
  previous: bytes(32),
  author: userId,
  /** Milliseconds since 1970, by the author's clock. */
  at: u53,
  /** The key epoch that holds from here on. */
  epoch: u32,
  change: groupChange,
});
export type GroupStatement = Infer<typeof groupStatement>;

/** What is signed. */
export const operationContent = struct({
  /** An encoded `groupStatement`. */
  statement: bytes(1, GROUP_OPERATION_BYTES_MAX),
  /** Commits to the key of the epoch: nobody can hand out two. */
  commitment: bytes(32),
  /** Title and topic under that key; given whenever the key or the profile is another one. */
  profile: optional(bytes(1, GROUP_PROFILE_BYTES_MAX)),
});
export type OperationContent = Infer<typeof operationContent>;

/** What the first operation of a chain names as the one before. */
export const NO_OPERATION: Uint8Array = new Uint8Array(32);

/** An operation as read; its byte strings are views of what it was read from. */
export interface GroupOperation extends GroupStatement {
  /** The statement as it was signed: the next key may depend on it. */
  readonly statement: Uint8Array;
  readonly commitment: Uint8Array;
  readonly profile: Uint8Array | undefined;
  /** What the next operation names as `previous`. */
  readonly hash: Uint8Array;
}

/** Signature (64 bytes), then an encoded `operationContent`. */
export const signedOperation = bytes(65, GROUP_OPERATION_BYTES_MAX);

/** What a group is called and about, as its members read it. */
export const groupProfile = struct({
  title: text(GROUP_TITLE_LENGTH_MAX),
  topic: text(GROUP_TOPIC_LENGTH_MAX),
});
export type GroupProfile = Infer<typeof groupProfile>;

/** The key of an epoch, sealed to one box key of one member. */
const seal = { boxEpoch: u32, sealed: bytes(80) };
export const memberSeal = struct({ user: userId, ...seal });
export type MemberSeal = Infer<typeof memberSeal>;
export const memberSeals = list(memberSeal, GROUP_SEALS_MAX);

export const epochSeal = struct({ epoch: u32, ...seal });
export type EpochSeal = Infer<typeof epochSeal>;

/** An operation at its place in the log, also when it has left the log itself. */
export const placedOperation = struct({ seq: u53, at: u53, signed: signedOperation });
export type PlacedOperation = Infer<typeof placedOperation>;

/** An entry at its place in the log; `at` is when the owner took it, milliseconds since 1970 by its clock. */
export const groupEntry = union({
  message: [1, struct({ seq: u53, at: u53, envelope })],
  operation: [2, placedOperation],
});
export type GroupEntry = Infer<typeof groupEntry>;

export const groupEntries = list(groupEntry, PULL_ENTRIES_MAX);

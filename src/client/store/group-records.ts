/** What the client keeps of groups, declared once. Fields are only ever appended. */
import { groupMark } from '../../protocol/group-facts.ts';
import { groupProfile, groupRole } from '../../protocol/group-log.ts';
import {
  GROUP_MEMBERS_MAX,
  GROUP_OPERATION_BYTES_MAX,
  GROUP_RECEIPT_MEMBERS_MAX,
  GROUPS_PER_USER_MAX,
} from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  groupId,
  incarnation,
  list,
  optional,
  struct,
  u32,
  u53,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';

const key32 = bytes(32);

const rosterRecord = struct({
  position: u53,
  hash: key32,
  epoch: u32,
  commitment: key32,
  rekeyDue: bool,
  ended: bool,
  /** `since`: the entry that let them in. */
  members: list(struct({ user: userId, role: groupRole, since: u53 }), GROUP_MEMBERS_MAX),
});

/** A group as far as this device has verified its chain. */
export const groupRecord = struct({
  group: groupId,
  incarnation,
  /** The entry that let this account in. */
  since: u53,
  /** This account was put out, has left, or the group is deleted: there is nothing more to come. */
  isFormer: bool,
  roster: optional(rosterRecord),
  profile: optional(groupProfile),
});
export type GroupRecord = Infer<typeof groupRecord>;

/** How far this device has a group's log, and a person has read it. */
export const groupPlaceRecord = struct({
  incarnation,
  cursor: u53,
  read: u53,
  /** Epoch of the account's box key when its seals of the group's keys were last looked through. */
  resealedAt: u32,
});
export type GroupPlaceRecord = Infer<typeof groupPlaceRecord>;

/** The key of an epoch: what commits to it, where it comes from, and the key itself once it is known. */
export const groupEpochRecord = struct({
  commitment: key32,
  /** The statement by which it follows from the key before; missing: it comes sealed. */
  statement: optional(bytes(1, GROUP_OPERATION_BYTES_MAX)),
  key: optional(key32),
});
export type GroupEpochRecord = Infer<typeof groupEpochRecord>;

const groupRenewal = struct({ group: groupId, incarnation });
export type GroupRenewal = Infer<typeof groupRenewal>;

/** Groups that get a fresh key because a device was revoked. */
export const groupRenewalsRecord = struct({ due: list(groupRenewal, GROUPS_PER_USER_MAX) });

/** How far the other members got, as told; in larger groups only up to where all of them are. */
export const groupMarksRecord = struct({
  incarnation,
  marks: list(groupMark, GROUP_RECEIPT_MEMBERS_MAX),
  delivered: u53,
  read: u53,
  /** Newest own message. */
  sent: u53,
});
export type GroupMarksRecord = Infer<typeof groupMarksRecord>;

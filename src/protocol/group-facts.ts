/** What nodes say of a group besides its log; shared by client and node messages. */
import { groupEntries, groupRole } from './group-log.ts';
import { GROUP_MEMBERS_MAX, GROUP_RECEIPT_MEMBERS_MAX, GROUP_RECEIPT_SEQS_MAX } from './limits.ts';
import {
  bool,
  groupId,
  incarnation,
  list,
  optional,
  struct,
  u32,
  u53,
  union,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

/** One group as the user actor of a member knows it; the group itself is the truth. */
export const membership = struct({
  group: groupId,
  incarnation,
  /** Of the operation that made it so: an older one changes nothing. */
  position: u53,
  /** Missing: no member any more, or the group is deleted. */
  role: optional(groupRole),
});
export type Membership = Infer<typeof membership>;

/** A number that is another one after a change of any of a user's memberships. */
export function membershipsMark(memberships: Iterable<Pick<Membership, 'position'>>): number {
  let mark = 0;
  for (const { position } of memberships) mark += position + 1;
  return mark;
}

/** Where a group stands, for a device that has read up to some place. */
export const groupStanding = struct({
  incarnation,
  /** Newest entry of the log. */
  head: u53,
  /** Newest operation. */
  position: u53,
  epoch: u32,
  /** The next sender has to make a new key first. */
  rekeyDue: bool,
  /** The entry that let this user in: nothing before it is answered. */
  since: u53,
  /** Messages that no device of this user has got. */
  pending: u53,
});
export type GroupStanding = Infer<typeof groupStanding>;

/** The answer for one of several groups; `standing` missing: no such group (for this user), or with `later` not now. */
export const subscription = struct({
  group: groupId,
  standing: optional(groupStanding),
  later: bool,
});
export type Subscription = Infer<typeof subscription>;

export const onlineMember = struct({ user: userId, role: groupRole, online: bool });
export type OnlineMember = Infer<typeof onlineMember>;

/** A group as its actor sees it: for people; clients go by the chain of operations. */
export const groupInfo = struct({
  incarnation,
  head: u53,
  position: u53,
  epoch: u32,
  rekeyDue: bool,
  members: list(onlineMember, GROUP_MEMBERS_MAX),
});
export type GroupInfo = Infer<typeof groupInfo>;

/** How far a member got: up to which entry one of the devices has the log, and a person has read it. */
export const groupMark = struct({ user: userId, delivered: u53, read: u53 });
export type GroupMark = Infer<typeof groupMark>;
export const groupMarks = list(groupMark, GROUP_MEMBERS_MAX);

/** How many members have, and have read, one entry. */
export const groupCount = struct({ seq: u53, delivered: u53, read: u53 });
export type GroupCount = Infer<typeof groupCount>;

/** Marks in groups of up to GROUP_RECEIPT_MEMBERS_MAX, counts for the entries asked for in larger ones. */
export const groupReceipts = struct({
  incarnation,
  marks: list(groupMark, GROUP_RECEIPT_MEMBERS_MAX),
  counts: list(groupCount, GROUP_RECEIPT_SEQS_MAX),
});
export type GroupReceipts = Infer<typeof groupReceipts>;

/** What a group tells the nodes that have interested sessions. */
export const groupNews = union({
  /** `ended`: users who are put out by the last of these entries and get no others. */
  entries: [
    1,
    struct({
      group: groupId,
      incarnation,
      entries: groupEntries,
      ended: list(userId, GROUP_MEMBERS_MAX),
    }),
  ],
  marks: [2, struct({ group: groupId, incarnation, marks: groupMarks })],
});
export type GroupNews = Infer<typeof groupNews>;

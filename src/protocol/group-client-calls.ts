/** The part of the client's calls and pushes that is about groups; `client-calls.ts` puts it together with the rest. */
import { call } from './calls.ts';
import { groupInfo, groupMarks, groupReceipts, membership, subscription } from './group-facts.ts';
import {
  epochSeal,
  groupEntries,
  memberSeals,
  placedOperation,
  signedOperation,
} from './group-log.ts';
import {
  GROUP_KEYS_PULL_MAX,
  GROUP_RECEIPT_SEQS_MAX,
  GROUP_SUBSCRIPTIONS_MAX,
  GROUPS_PER_USER_MAX,
  PULL_ENTRIES_MAX,
} from './limits.ts';
import { bool, bytes, groupId, incarnation, list, struct, u16, u32, u53 } from './schema.ts';

const none = struct({});

export const groupClientCalls = {
  /** The groups that this user is a member of, as far as the user's own actor was told. */
  groups: call(64, none, struct({ groups: list(membership, GROUPS_PER_USER_MAX) })),
  /** Entries of these groups are pushed to this session until it ends; adds to those before. */
  subscribe: call(
    65,
    struct({ groups: list(groupId, GROUP_SUBSCRIPTIONS_MAX) }),
    struct({ groups: list(subscription, GROUP_SUBSCRIPTIONS_MAX) }),
  ),
  /** The device has everything up to `delivered` on its own disk, and a person has read up to `read` (0: unknown). */
  groupAck: call(66, struct({ group: groupId, incarnation, delivered: u53, read: u53 }), none),
  /** See `groupOperate` of the group actor. */
  groupOperate: call(
    67,
    struct({ group: groupId, signed: signedOperation, seals: memberSeals }),
    struct({ seq: u53, at: u53, position: u53, epoch: u32 }),
  ),
  groupStage: call(
    68,
    struct({ group: groupId, operation: bytes(32), from: u16, seals: memberSeals }),
    none,
  ),
  groupPull: call(
    69,
    struct({ group: groupId, incarnation, from: u53, limit: u16 }),
    struct({ entries: groupEntries, upTo: u53, head: u53 }),
  ),
  groupChain: call(
    70,
    struct({ group: groupId, incarnation, from: u53, limit: u16 }),
    struct({ operations: list(placedOperation, PULL_ENTRIES_MAX), position: u53 }),
  ),
  groupInfo: call(71, struct({ group: groupId }), groupInfo),
  groupKeys: call(
    72,
    struct({ group: groupId, incarnation, from: u32 }),
    struct({ seals: list(epochSeal, GROUP_KEYS_PULL_MAX), more: bool }),
  ),
  putGroupKey: call(73, struct({ group: groupId, incarnation, seal: epochSeal }), none),
  groupReceipts: call(
    74,
    struct({ group: groupId, incarnation, seqs: list(u53, GROUP_RECEIPT_SEQS_MAX) }),
    groupReceipts,
  ),
} as const;

export const groupPushes = {
  /** New entries of a group's log, in order; a gap before them means: pull. */
  groupEntries: [16, struct({ group: groupId, incarnation, entries: groupEntries })],
  /** There is more in the log than was pushed: pull. */
  groupHead: [17, struct({ group: groupId, incarnation, head: u53 })],
  /** This user was let in or put out, or has another role. */
  membership: [18, membership],
  /** How far other members got; only in groups of up to GROUP_RECEIPT_MEMBERS_MAX. */
  groupMarks: [19, struct({ group: groupId, incarnation, marks: groupMarks })],
} as const;

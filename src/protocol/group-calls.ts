/**
 * What a group actor can be asked, by sessions and by other parts, on its own node or over the mesh. `asker` and `author`
 * are users whose session said so: a session names nobody but its own user. To everybody who is no member, and was none,
 * a group does not exist (E_NO_SUCH_GROUP).
 */
import { call, callTable } from './calls.ts';
import type { AnyReplyOf, ReplyOf, RequestOf } from './calls.ts';
import { envelope } from './envelope.ts';
import { groupInfo, groupMarks, groupReceipts, groupStanding } from './group-facts.ts';
import {
  epochSeal,
  groupEntries,
  memberSeals,
  placedOperation,
  signedOperation,
} from './group-log.ts';
import {
  GROUP_KEYS_PULL_MAX,
  GROUP_MEMBERS_MAX,
  GROUP_RECEIPT_SEQS_MAX,
  PULL_ENTRIES_MAX,
} from './limits.ts';
import { bool, bytes, incarnation, list, nodeId, struct, u16, u32, u53, userId } from './schema.ts';

const none = struct({});

export const groupCalls = callTable({
  /** `last`: the newest counter taken from this device. */
  groupAppend: call(64, struct({ envelope }), struct({ seq: u53, at: u53, last: u53 })),
  /**
   * Takes an operation that follows the newest one; otherwise E_STALE_EPOCH. The same one again is acknowledged again.
   * A fresh key comes with a seal for every member there will be, the last of them here, the others staged before.
   */
  groupOperate: call(
    65,
    struct({ author: userId, signed: signedOperation, seals: memberSeals }),
    struct({ seq: u53, at: u53, position: u53, epoch: u32 }),
  ),
  /** Seals that the operation with this hash will need; kept for a while and forgotten unless it comes. */
  groupStage: call(
    66,
    struct({ author: userId, operation: bytes(32), from: u16, seals: memberSeals }),
    none,
  ),
  /** Covers `from` to `upTo`; what is missing in between has expired. A former member gets up to the own end. */
  groupPull: call(
    67,
    struct({ asker: userId, incarnation, from: u53, limit: u16 }),
    struct({ entries: groupEntries, upTo: u53, head: u53 }),
  ),
  /** Every operation from position `from` on, also those that have left the log; `position` is the newest one's. */
  groupChain: call(
    68,
    struct({ asker: userId, incarnation, from: u53, limit: u16 }),
    struct({ operations: list(placedOperation, PULL_ENTRIES_MAX), position: u53 }),
  ),
  groupInfo: call(69, struct({ asker: userId }), groupInfo),
  /** The asker's own seals, from epoch `from` on, in order. */
  groupKeys: call(
    70,
    struct({ asker: userId, incarnation, from: u32 }),
    struct({ seals: list(epochSeal, GROUP_KEYS_PULL_MAX), more: bool }),
  ),
  /** Replaces the asker's own seal of an epoch, before the box key that it is for is retired. */
  putGroupKey: call(71, struct({ asker: userId, incarnation, seal: epochSeal }), none),
  groupReceipts: call(
    72,
    struct({ asker: userId, incarnation, seqs: list(u53, GROUP_RECEIPT_SEQS_MAX) }),
    groupReceipts,
  ),

  /** A session of `user` on `node` wants the group's entries: pushed to that node for a lease. */
  groupSubscribe: call(80, struct({ node: nodeId, user: userId }), groupStanding),
  /** Renews the lease and says whose sessions are there; `ended` are those who may not listen (any more). */
  groupInterest: call(
    81,
    struct({ node: nodeId, users: list(userId, GROUP_MEMBERS_MAX) }),
    struct({ incarnation, head: u53, ended: list(userId, GROUP_MEMBERS_MAX) }),
  ),
  /** How far the members on a node got, many in one. */
  groupMarks: call(82, struct({ incarnation, marks: groupMarks }), none),
  /** For the operator: counts only. */
  groupStats: call(
    90,
    none,
    struct({
      exists: bool,
      members: u32,
      messages: u53,
      bytes: u53,
      head: u53,
      epoch: u32,
      operations: u53,
      nodes: u16,
    }),
  ),
});

export type GroupCalls = (typeof groupCalls)['calls'];
export type GroupRequest = RequestOf<GroupCalls>;
export type GroupCallName = keyof GroupCalls;
export type GroupReply<K extends GroupCallName> = ReplyOf<GroupCalls, K>;
export type AnyGroupReply = AnyReplyOf<GroupCalls>;

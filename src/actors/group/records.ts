/**
 * What a group is made of on disk. A name may be created again after it was deleted: everything but the root and the
 * notices belongs to one numbered life, so that nothing of an earlier life is mistaken for something of this one.
 *
 * | record    | key (below the group)    | one per                                                              |
 * | --------- | ------------------------ | -------------------------------------------------------------------- |
 * | root      | -                        | group: the newest operation, the key epoch, the life                 |
 * | owed      | user                     | user whose actor has not confirmed what the membership is now        |
 *
 * and below the group and the life:
 *
 * | place     | -                        | life: sums up to the head and up to what has expired; lazy           |
 * | member    | user                     | member: role, first entry                                            |
 * | stay      | user, its last entry     | stay that ended: its user may read what was written then             |
 * | mark      | user                     | member: how far the devices got; lazy                                |
 * | log       | sequence number          | entry: a message's header and the beginning of its body, or the      |
 * |           |                          | position of an operation                                             |
 * | body      | seq (chunked)            | message whose body does not fit its log record                       |
 * | operation | position (chunked)       | operation, as it was signed; never removed while the life lasts      |
 * | pair      | sender, device           | sending device: the last counter                                     |
 * | fresh     | epoch                    | epoch whose key was sealed to everybody                              |
 * | seal      | user, epoch              | key of an epoch, sealed to a member                                  |
 */
import type { GroupEntry } from '../../protocol/group-log.ts';
import { epochSeal, groupRole, signedOperation } from '../../protocol/group-log.ts';
import { groupMark } from '../../protocol/group-facts.ts';
import type { GroupMark, Membership } from '../../protocol/group-facts.ts';
import type { UserId } from '../../protocol/ids.ts';
import { ENVELOPE_BODY_BYTES_MAX, STORE_VALUE_BYTES_MAX } from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  deviceId,
  incarnation,
  struct,
  u32,
  u53,
  u8,
  union,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';
import { logMark } from '../runtime/log-mark.ts';

export const rootRecord = struct({
  life: u32,
  /** The oldest life of which something may be left. */
  oldest: u32,
  incarnation,
  position: u53,
  hash: bytes(32),
  epoch: u32,
  commitment: bytes(32),
  rekeyDue: bool,
  ended: bool,
});
export type RootRecord = Infer<typeof rootRecord>;

export const placeRecord = struct({
  head: logMark,
  headAt: u53,
  /** Everything up to here is gone. */
  floor: logMark,
});
export type PlaceRecord = Infer<typeof placeRecord>;

export const memberRecord = struct({ user: userId, role: groupRole, since: u53 });
export type MemberRecord = Infer<typeof memberRecord>;

/** Entries from `since` to `until` and operations up to `position` are this user's to read. */
export const stayRecord = struct({ user: userId, since: u53, until: u53, position: u53 });
export type StayRecord = Infer<typeof stayRecord>;

const head = { seq: u53, at: u53, loud: u53, bytes: u53 };
export const logRecord = union({
  message: [
    1,
    struct({
      ...head,
      from: userId,
      device: deviceId,
      counter: u53,
      tag: bytes(16),
      boxEpoch: u32,
      quiet: bool,
      /** Parts of the body's rest under its own key. */
      parts: u8,
      bodyStart: bytes(0, Math.min(STORE_VALUE_BYTES_MAX, ENVELOPE_BODY_BYTES_MAX)),
    }),
  ],
  operation: [2, struct({ ...head, position: u53 })],
});
export type LogRecord = Infer<typeof logRecord>;

export const operationRecord = struct({ seq: u53, at: u53, epoch: u32, signed: signedOperation });
export type OperationRecord = Infer<typeof operationRecord>;

export const pairRecord = struct({
  sender: userId,
  device: deviceId,
  /** The last counter taken (I7), its tag, and what was answered. */
  counter: u53,
  tag: bytes(16),
  seq: u53,
  at: u53,
});
export type PairRecord = Infer<typeof pairRecord>;

/** From entry `seq` on; everybody who was a member then has a seal. */
export const freshRecord = struct({ epoch: u32, seq: u53 });
export type FreshRecord = Infer<typeof freshRecord>;

export const sealRecord = struct({ user: userId, seal: epochSeal });
export type SealRecord = Infer<typeof sealRecord>;

export const markRecord = groupMark;
export type MarkRecord = GroupMark;

/** What of one life a write changes. */
export type LifeWrite =
  | { readonly type: 'place'; readonly record: PlaceRecord }
  | { readonly type: 'member'; readonly record: MemberRecord }
  | { readonly type: 'removeMember'; readonly user: UserId }
  | { readonly type: 'stay'; readonly record: StayRecord }
  | { readonly type: 'removeStay'; readonly user: UserId; readonly until: number }
  | { readonly type: 'mark'; readonly record: MarkRecord }
  | { readonly type: 'removeMark'; readonly user: UserId }
  | {
      readonly type: 'log';
      readonly entry: GroupEntry;
      /** For an operation. */
      readonly position: number;
      /** Sums up to and with this entry. */
      readonly loud: number;
      readonly bytes: number;
    }
  | { readonly type: 'removeLog'; readonly seq: number; readonly parts: number }
  | { readonly type: 'operation'; readonly position: number; readonly record: OperationRecord }
  | { readonly type: 'pair'; readonly record: PairRecord }
  | { readonly type: 'fresh'; readonly record: FreshRecord }
  | { readonly type: 'removeFresh'; readonly epoch: number }
  | { readonly type: 'seal'; readonly record: SealRecord }
  | { readonly type: 'removeSeal'; readonly user: UserId; readonly epoch: number };

/** One logical write. */
export type GroupWrite =
  | { readonly type: 'root'; readonly record: RootRecord }
  | { readonly type: 'removeRoot' }
  | { readonly type: 'owed'; readonly user: UserId; readonly record: Membership }
  | { readonly type: 'removeOwed'; readonly user: UserId }
  /** A key of a life that is over. */
  | { readonly type: 'purge'; readonly key: Uint8Array }
  | { readonly type: 'life'; readonly life: number; readonly write: LifeWrite };

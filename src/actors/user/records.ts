/**
 * What a user's mailbox is made of on disk: one logical record per fact, each with its schema and its place.
 * All keys begin with the user and the record's name, so an activation reads ranges; records name what their keys name,
 * so keys are only ever built, never read.
 *
 * | record  | key               | one per                                                                  |
 * | ------- | ----------------- | ------------------------------------------------------------------------ |
 * | account | -                 | user: public keys, login record, counters of devices and vault versions  |
 * | vault   | - (chunked)       | user: the sealed vault and its wraps                                     |
 * | device  | number            | live device: key, store token, cursor                                    |
 * | mailbox | -                 | user: sums up to the head and up to what was delivered; lazy             |
 * | log     | sequence number   | entry: header, running sums, the beginning of the body                   |
 * | body    | seq (chunked)     | entry whose body does not fit its log record                             |
 * | pair    | sender, device    | sending device: last counter, how far its messages got                   |
 * | contact | user              | contact or blocked user                                                  |
 * | group   | group             | group that the user is or was a member of                                |
 * | owed    | number            | notice of expiry that its sender has not confirmed                       |
 * | seen    | source            | recipient whose notices of expiry this user has confirmed                |
 */
import { boxKey, counterRange, storeToken } from '../../protocol/account.ts';
import type { ContactInfo, SealedVault } from '../../protocol/account.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import type { Membership } from '../../protocol/group-facts.ts';
import type { DeviceId, GroupId, UserId } from '../../protocol/ids.ts';
import {
  DEVICE_NAME_LENGTH_MAX,
  ENVELOPE_BODY_BYTES_MAX,
  EXPIRED_RANGES_MAX,
  STORE_VALUE_BYTES_MAX,
} from '../../protocol/limits.ts';
import {
  bool,
  bytes,
  deviceId,
  incarnation,
  list,
  optional,
  struct,
  text,
  u32,
  u53,
  u8,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';
import { sessionRef } from '../../protocol/user-calls.ts';
import { logMark } from '../runtime/log-mark.ts';

export const accountRecord = struct({
  incarnation,
  identity: bytes(32),
  box: boxKey,
  minBoxEpoch: u32,
  loginRecord: bytes(1, 1024),
  vaultVersion: u53,
  /** Length of the stored vault record: tells a shorter one what to remove. */
  vaultBytes: u53,
  /** The number the next device gets; never reused. */
  nextDevice: u32,
});
export type AccountRecord = Infer<typeof accountRecord>;

export const deviceRecord = struct({
  device: deviceId,
  publicKey: bytes(32),
  name: text(DEVICE_NAME_LENGTH_MAX),
  token: storeToken,
  cursor: u53,
  /** Milliseconds since 1970. */
  lastSeen: u53,
  /** The newest session of the device: the only one that may announce itself again. */
  session: optional(sessionRef),
});
export type DeviceRecord = Infer<typeof deviceRecord>;

export const mailboxRecord = struct({
  head: logMark,
  headAt: u53,
  /** Everything up to here was delivered to some device or has expired. */
  settled: logMark,
  /** Everything up to here is gone. */
  floor: u53,
  nextOwed: u53,
});
export type MailboxRecord = Infer<typeof mailboxRecord>;

/** The entry's own log and recipient are known from its place. */
export const logRecord = struct({
  seq: u53,
  at: u53,
  loud: u53,
  bytes: u53,
  from: userId,
  device: deviceId,
  counter: u53,
  tag: bytes(16),
  boxEpoch: u32,
  quiet: bool,
  /** Parts of the body's rest under its own key. */
  parts: u8,
  bodyStart: bytes(0, Math.min(STORE_VALUE_BYTES_MAX, ENVELOPE_BODY_BYTES_MAX)),
});
export type LogRecord = Infer<typeof logRecord>;

export const pairRecord = struct({
  sender: userId,
  device: deviceId,
  /** The last counter taken (I7), its tag, and what was answered. */
  counter: u53,
  tag: bytes(16),
  seq: u53,
  at: u53,
  /** Every counter up to here was delivered to some device, expired ones left out. */
  delivered: u53,
  /** Entries that no device has got yet. */
  waiting: u53,
  expired: list(counterRange, EXPIRED_RANGES_MAX),
});
export type PairRecord = Infer<typeof pairRecord>;

export const owedRecord = struct({
  seq: u53,
  to: userId,
  incarnation,
  device: deviceId,
  counters: counterRange,
});
export type OwedRecord = Infer<typeof owedRecord>;

export const seenRecord = struct({ incarnation, seq: u53 });
export type SeenRecord = Infer<typeof seenRecord>;

/** One logical write. */
export type UserWrite =
  | { readonly type: 'account'; readonly record: AccountRecord }
  | { readonly type: 'vault'; readonly record: SealedVault; readonly oldBytes: number }
  | { readonly type: 'device'; readonly record: DeviceRecord }
  | { readonly type: 'removeDevice'; readonly device: DeviceId }
  | { readonly type: 'mailbox'; readonly record: MailboxRecord }
  | {
      readonly type: 'log';
      readonly entry: LogEntry;
      /** Sums up to and with this entry. */
      readonly loud: number;
      readonly bytes: number;
    }
  | { readonly type: 'removeLog'; readonly seq: number; readonly parts: number }
  | { readonly type: 'pair'; readonly record: PairRecord }
  | { readonly type: 'contact'; readonly record: ContactInfo }
  | { readonly type: 'removeContact'; readonly user: UserId }
  | { readonly type: 'group'; readonly record: Membership }
  | { readonly type: 'removeGroup'; readonly group: GroupId }
  | { readonly type: 'owed'; readonly record: OwedRecord }
  | { readonly type: 'removeOwed'; readonly seq: number }
  | { readonly type: 'seen'; readonly source: UserId; readonly record: SeenRecord };

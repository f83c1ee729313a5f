/**
 * What a user actor can be asked, by sessions and by other actors, on its own node or over the mesh.
 * `notify` calls want no answer: losing one delays something, never loses a message.
 */
import {
  attachment,
  boxKey,
  contactInfo,
  deviceInfo,
  newDevice,
  provenDevice,
  presenceInfo,
  publicKeys,
  receiptRecord,
  sealedVault,
  storeTokens,
} from './account.ts';
import { call, callTable } from './calls.ts';
import type { AnyReplyOf, ReplyOf, RequestOf } from './calls.ts';
import { envelope, logEntries } from './envelope.ts';
import { membership } from './group-facts.ts';
import { CONTACTS_MAX, DEVICES_MAX, GROUPS_PER_USER_MAX, VAULT_BYTES_MAX } from './limits.ts';
import {
  bool,
  bytes,
  deviceId,
  incarnation,
  list,
  nodeId,
  optional,
  struct,
  u16,
  u53,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

const none = struct({});

/** Names one session in the cluster: the node and a number that node never gives twice in one boot. */
export const sessionRef = struct({ node: nodeId, session: u53 });
export type SessionRef = Infer<typeof sessionRef>;

export const userCalls = callTable({
  register: call(
    1,
    struct({
      record: bytes(1, 1024),
      identity: bytes(32),
      box: boxKey,
      vault: sealedVault,
      device: newDevice,
    }),
    struct({ device: deviceId }),
  ),
  /** `record` undefined: no such user, or locked out after too many failed logins (`retryAfterMs`). */
  loginRecord: call(2, none, struct({ record: optional(bytes(1, 1024)) })),
  /** Tells how a password login ended: failed ones are counted against the limit per minute. */
  loginResult: call(3, struct({ success: bool }), none),
  /** The same key again (a retry) is answered with the number it has. E_AUTH: the password was changed since it was checked. */
  addDevice: call(4, provenDevice, struct({ device: deviceId })),
  /** The key of a live device; undefined: unknown or revoked. */
  deviceKey: call(5, struct({ device: deviceId }), struct({ publicKey: optional(bytes(32)) })),
  /** Makes a session the place where this device's entries are pushed; an older session of the device is told `replaced`. */
  attach: call(
    6,
    struct({ device: deviceId, session: sessionRef, tokens: storeTokens }),
    attachment,
  ),
  detach: call(7, struct({ device: deviceId, session: sessionRef }), none),

  /** `last`: the newest counter taken from this device; above what it has sealed, its store was put back to an older state. */
  append: call(16, struct({ envelope }), struct({ seq: u53, at: u53, last: u53 })),
  pull: call(
    17,
    struct({ device: deviceId, from: u53, limit: u16 }),
    struct({ entries: logEntries, upTo: u53, head: u53 }),
  ),
  ack: call(18, struct({ device: deviceId, upTo: u53 }), none),
  keys: call(19, struct({ asker: userId }), publicKeys),
  /** Watermarks of `sender`'s devices at this user. */
  receipts: call(20, struct({ sender: userId }), receiptRecord),
  /** From a recipient's actor to the sender's: what one device sent was delivered up to here. */
  receipt: call(21, struct({ by: userId, incarnation, device: deviceId, delivered: u53 }), none),
  /** Owed by a recipient's actor until answered: these counters expired undelivered. Idempotent by (by, seq). */
  expired: call(
    22,
    struct({ by: userId, seq: u53, incarnation, device: deviceId, from: u53, to: u53 }),
    none,
  ),
  /** The newest acknowledged entry; a sign that the session lives. */
  head: call(
    23,
    struct({ device: deviceId, session: sessionRef }),
    struct({ head: u53, memberships: u53 }),
  ),

  vault: call(32, none, sealedVault),
  putVault: call(
    33,
    struct({
      expected: u53,
      vault: bytes(1, VAULT_BYTES_MAX),
      wraps: optional(struct({ passwordWrap: bytes(1, 256), recoveryWrap: bytes(1, 256) })),
      box: optional(boxKey),
      minBoxEpoch: u53,
    }),
    struct({ version: u53 }),
  ),
  /**
   * Replaces version `expected` of the vault, so that no older wrap can come back later. `proven`: the record that the old
   * password was checked with, refused when it was changed meanwhile.
   */
  changePassword: call(
    34,
    struct({
      proven: bytes(1, 1024),
      expected: u53,
      record: bytes(1, 1024),
      vault: bytes(1, VAULT_BYTES_MAX),
      passwordWrap: bytes(1, 256),
    }),
    none,
  ),
  devices: call(35, none, struct({ devices: list(deviceInfo, DEVICES_MAX) })),
  revokeDevice: call(36, struct({ device: deviceId }), none),

  contacts: call(48, none, struct({ contacts: list(contactInfo, CONTACTS_MAX) })),
  putContact: call(49, contactInfo, none),
  presence: call(50, struct({ asker: userId }), presenceInfo),
  /** `watcher` wants to be told of changes for PRESENCE_LEASE_MS; answers the present state by a `presenceChanged`. */
  watch: call(51, struct({ watcher: userId }), none),
  presenceChanged: call(52, presenceInfo, none),
  typing: call(53, struct({ from: userId }), none),
  /** Owed by a group's actor until answered. Idempotent by (group, incarnation, position). */
  membership: call(56, membership, none),
  groups: call(57, none, struct({ groups: list(membership, GROUPS_PER_USER_MAX) })),
  /** For the operator: counts only. */
  mailboxStats: call(
    60,
    none,
    struct({
      exists: bool,
      messages: u53,
      bytes: u53,
      pending: u53,
      head: u53,
      devices: u16,
      sessions: u16,
    }),
  ),
});

export type UserCalls = (typeof userCalls)['calls'];
export type UserRequest = RequestOf<UserCalls>;
export type UserCallName = keyof UserCalls;
export type UserReply<K extends UserCallName> = ReplyOf<UserCalls, K>;
export type AnyUserReply = AnyReplyOf<UserCalls>;

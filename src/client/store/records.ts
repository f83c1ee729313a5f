/** What the client keeps, declared once. Fields are only ever appended. */
import { counterRange, gateAddress, sealedVault, storeToken } from '../../protocol/account.ts';
import { body, contentBody } from '../../protocol/bodies.ts';
import { envelope, logEntry } from '../../protocol/envelope.ts';
import {
  CONNECT_URL_GATES_MAX,
  DEVICES_MAX,
  DEVICE_NAME_LENGTH_MAX,
  EXPIRED_RANGES_MAX,
  READ_MARKS_MAX,
} from '../../protocol/limits.ts';
import {
  address,
  bool,
  bytes,
  deviceId,
  incarnation,
  list,
  messageId,
  oneOf,
  optional,
  struct,
  text,
  u16,
  u53,
  userId,
} from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';

const key32 = bytes(32);

/** This home's device: its key, and the tokens that tell a restored or copied store from this one. */
export const deviceRecord = struct({
  device: deviceId,
  name: text(DEVICE_NAME_LENGTH_MAX),
  publicKey: key32,
  privateKey: bytes(64),
  /** The token that the server was last known to have. */
  token: storeToken,
  /** Sent in a login whose end is not known: the server has this one or `token`. */
  nextToken: optional(storeToken),
});
export type DeviceRecord = Infer<typeof deviceRecord>;

/** Its presence is what it says. */
export const loggedOutRecord = struct({});

/** The account's secrets on this home. */
export const accountRecord = struct({
  user: userId,
  device: optional(deviceRecord),
  /** Known together with the vault that it opens. */
  vaultKey: optional(key32),
  vault: optional(sealedVault),
  /** Of a vault that may be on the server although nobody heard its answer. */
  nextVaultKey: optional(key32),
  /** Devices revoked, or to be revoked, after which no new vault key was made yet. */
  revoking: list(deviceId, DEVICES_MAX),
});
export type AccountRecord = Infer<typeof accountRecord>;

const place = struct({ host: text(255), port: u16 });
export const gatesRecord = struct({
  /** From the connect URL. */
  given: list(place, CONNECT_URL_GATES_MAX),
  /** Told by nodes. */
  learnt: list(gateAddress, 64),
  fingerprint: optional(key32),
});
export type GatesRecord = Infer<typeof gatesRecord>;

/** How far this device has the inbox log of its account. */
export const inboxRecord = struct({ incarnation, cursor: u53 });
export type InboxRecord = Infer<typeof inboxRecord>;

/** Another user as this home knows them. */
export const peerRecord = struct({
  user: userId,
  /** Pinned when first seen; only `verify` changes it. */
  identity: key32,
  /** Newest box key seen of that identity: an older one is a replay. */
  boxEpoch: u53,
  verified: bool,
  /** Another identity that was published since, until a person accepts it. */
  changed: optional(key32),
});
export type PeerRecord = Infer<typeof peerRecord>;

/** The place of a message in a log: which device sent it as which of its messages. */
export const logPlace = struct({ incarnation, device: deviceId, counter: u53 });
export type LogPlace = Infer<typeof logPlace>;

export const messageRecord = struct({
  conversation: address,
  seq: u53,
  id: messageId,
  from: userId,
  /** Milliseconds since 1970, by the sender's clock. */
  timestamp: u53,
  content: contentBody,
  /** `received`: from somebody else. The others: own messages, before any receipt. */
  state: oneOf('received', 'queued', 'stored', 'failed'),
  /** Missing for an own message that no node has taken. */
  place: optional(logPlace),
  /** Position in the order of arrival; missing for own messages. */
  arrival: optional(u53),
  /** Its entry in a group's log; missing for direct messages, and for own ones that no node has taken. */
  logSeq: optional(u53),
});
export type MessageRecord = Infer<typeof messageRecord>;

const readMark = struct({ device: deviceId, counter: u53 });
export const conversationRecord = struct({
  conversation: address,
  lastSeq: u53,
  /** Everything up to here was read by a person, on some device. */
  readSeq: u53,
  unread: u53,
  lastTimestamp: u53,
  /** Marks that the peer has not been told yet. */
  untold: list(readMark, READ_MARKS_MAX),
  /** The newest message that a `tail` has printed, by its sequence number. */
  printed: u53,
});
export type ConversationRecord = Infer<typeof conversationRecord>;

/** Where a message is: the value of the id index and of the index by order of arrival. */
export const messageRef = struct({ conversation: address, seq: u53 });
export type MessageRef = Infer<typeof messageRef>;

/** How far the messages of one of this account's devices got at one recipient. */
export const watermarkRecord = struct({
  peer: userId,
  incarnation,
  device: deviceId,
  /** Highest counter that a node took. */
  sent: u53,
  delivered: u53,
  read: u53,
  expired: list(counterRange, EXPIRED_RANGES_MAX),
});
export type WatermarkRecord = Infer<typeof watermarkRecord>;

/** The last message seen of one sending device. */
export const chainRecord = struct({ counter: u53, hash: key32 });

/** A message that waits to be stored by its recipient's node. */
export const draftRecord = struct({
  to: address,
  id: messageId,
  timestamp: u53,
  quiet: bool,
  body,
  /** Where it stands in the history; missing for what nobody reads. */
  seq: optional(u53),
  /** The life of the group that it was written for: another one under the same name must not get it. */
  life: optional(incarnation),
});
export type DraftRecord = Infer<typeof draftRecord>;

/** A draft sealed under a counter: these bytes may have left, so only they may carry that counter. */
export const sealedRecord = struct({ envelope, hash: key32 });
export type SealedRecord = Infer<typeof sealedRecord>;

/** The newest message of this device that a recipient's node has stored. */
export const laneRecord = struct({ incarnation, device: deviceId, counter: u53, hash: key32 });
export type LaneRecord = Infer<typeof laneRecord>;

/** An entry that could not be accepted yet, and why. */
export const heldRecord = struct({ from: userId, entry: logEntry });
export type HeldRecord = Infer<typeof heldRecord>;

/** Arrival up to which a `tail` of everything has come. */
export const printedRecord = struct({ arrival: u53 });

/** A user that this account has blocked. */
export const blockedRecord = struct({ user: userId });

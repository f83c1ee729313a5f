/** The public side of an account and what its devices say of themselves; shared by client and node messages. */
import { DEVICE_NAME_LENGTH_MAX, STORE_TOKEN_BYTES, VAULT_BYTES_MAX } from './limits.ts';
import {
  bytes,
  deviceId,
  incarnation,
  list,
  nodeId,
  optional,
  struct,
  text,
  u16,
  u32,
  u53,
  bool,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

/** An X25519 key that messages are sealed to; the identity signs (user, epoch, key). */
export const boxKey = struct({ epoch: u32, publicKey: bytes(32), signature: bytes(64) });
export type BoxKey = Infer<typeof boxKey>;

/** What anybody needs to write to a user. */
export const publicKeys = struct({
  identity: bytes(32),
  box: boxKey,
  /** Envelopes sealed to an older box key are refused with E_STALE_EPOCH. */
  minBoxEpoch: u32,
  /** The life of the user's inbox log. */
  incarnation,
});
export type PublicKeys = Infer<typeof publicKeys>;

export const storeToken = bytes(STORE_TOKEN_BYTES);

/** A device that registers: its Ed25519 key and the first token of its local store. */
const newDeviceFields = {
  publicKey: bytes(32),
  name: text(DEVICE_NAME_LENGTH_MAX),
  token: storeToken,
} as const;
export const newDevice = struct(newDeviceFields);
export type NewDevice = Infer<typeof newDevice>;

/** The same with the login record that the password was checked with; undefined: another device vouched. */
export const provenDevice = struct({ ...newDeviceFields, record: optional(bytes(1, 1024)) });

/** Written to the device's disk before they are sent: a store that knows neither was restored or cloned. */
export const storeTokens = struct({ previous: storeToken, next: storeToken });
export type StoreTokens = Infer<typeof storeTokens>;

export const deviceInfo = struct({
  device: deviceId,
  name: text(DEVICE_NAME_LENGTH_MAX),
  /** Milliseconds since 1970; 0: never. */
  lastSeen: u53,
});
export type DeviceInfo = Infer<typeof deviceInfo>;

/** The sealed vault and the two wraps of its key. */
export const sealedVault = struct({
  version: u53,
  vault: bytes(1, VAULT_BYTES_MAX),
  passwordWrap: bytes(1, 256),
  recoveryWrap: bytes(1, 256),
});
export type SealedVault = Infer<typeof sealedVault>;

/** What a device learns when its session is attached to its user. */
export const attachment = struct({
  node: nodeId,
  device: deviceId,
  incarnation,
  /** Newest entry of the inbox log. */
  head: u53,
  /** Up to where the server believes that this device has read. */
  cursor: u53,
  /** Entries a person waits for that no device has got yet. */
  pending: u53,
  boxEpoch: u32,
  minBoxEpoch: u32,
  vaultVersion: u53,
  /** Longest text of one message, in bytes of UTF-8: the operator's bound, kept by clients. */
  textBytes: u32,
  /** The node's clock, milliseconds since 1970. */
  now: u53,
});
export type Attachment = Infer<typeof attachment>;

/** Counters `from` to `to` of one device, both inclusive. */
export const counterRange = struct({ from: u53, to: u53 });

/** How far the messages of one sending device got at one recipient. */
export const watermark = struct({
  device: deviceId,
  delivered: u53,
  expired: list(counterRange, 64),
});
export type Watermark = Infer<typeof watermark>;

export const receiptRecord = struct({ incarnation, marks: list(watermark, 256) });
export type ReceiptRecord = Infer<typeof receiptRecord>;

export const contactInfo = struct({ user: userId, contact: bool, blocked: bool });
export type ContactInfo = Infer<typeof contactInfo>;

export const presenceInfo = struct({ user: userId, online: bool, lastSeen: u53 });
export type PresenceInfo = Infer<typeof presenceInfo>;

/** Where a node's gate is dialled. */
export const gateAddress = struct({ node: nodeId, host: text(255), port: u16 });
export type GateAddress = Infer<typeof gateAddress>;

/** A signed permission to log in at one node, and where that is. */
export const redirect = struct({ ticket: bytes(1, 512), gate: gateAddress });
export type Redirect = Infer<typeof redirect>;

export const optionalRedirect = optional(redirect);

/**
 * Client <-> node. A frame is a msgpack array of items (a batch):
 *   client to node   [tag, id, ...fields]            a call; id 0 wants no answer
 *   node to client   [0, id, ...reply]               the answer
 *                    [1, id, code, text, retryAfterMs?]   the refusal
 *                    [tag >= 2, ...fields]           a push
 */
import {
  attachment,
  boxKey,
  contactInfo,
  deviceInfo,
  gateAddress,
  newDevice,
  optionalRedirect,
  presenceInfo,
  publicKeys,
  receiptRecord,
  sealedVault,
  storeTokens,
} from './account.ts';
import { call, callTable } from './calls.ts';
import type { AnyReplyOf, ReplyOf, RequestOf } from './calls.ts';
import { envelope, logEntries } from './envelope.ts';
import { groupClientCalls, groupPushes } from './group-client-calls.ts';
import { CONTACTS_MAX, DEVICES_MAX, VAULT_BYTES_MAX, WATCHED_USERS_MAX } from './limits.ts';
import {
  address,
  bytes,
  deviceId,
  incarnation,
  list,
  nodeId,
  oneOf,
  optional,
  struct,
  text,
  u16,
  u53,
  u8,
  union,
  userId,
} from './schema.ts';
import type { Infer } from './schema.ts';

export const REPLY_TAG = 0;
export const REFUSAL_TAG = 1;

const none = struct({});
const opaque = bytes(1, 1024);

/** How a device shows who it is: a signature over (server nonce, node, boot id, cluster fingerprint, user, device). */
const deviceProof = struct({ device: deviceId, signature: bytes(64), tokens: storeTokens });

/** Attached here, or a ticket for the node that the balancer chose. */
const placement = struct({
  device: deviceId,
  attachment: optional(attachment),
  redirect: optionalRedirect,
});
export type Placement = Infer<typeof placement>;

export const clientCalls = callTable({
  /** First on every link. */
  hello: call(
    16,
    struct({ versionMin: u8, versionMax: u8, agent: text(64) }),
    struct({
      version: u8,
      node: nodeId,
      bootId: bytes(16),
      nonce: bytes(32),
      fingerprint: bytes(32),
      registration: oneOf('open', 'invite', 'closed'),
      stretching: oneOf('standard', 'weak'),
      now: u53,
    }),
  ),
  registerStart: call(17, struct({ user: userId, request: opaque }), struct({ response: opaque })),
  registerFinish: call(
    18,
    struct({
      user: userId,
      record: opaque,
      identity: bytes(32),
      box: boxKey,
      vault: sealedVault,
      device: newDevice,
      invitation: optional(text(512)),
    }),
    struct({ device: deviceId }),
  ),
  loginStart: call(19, struct({ user: userId, request: opaque }), struct({ response: opaque })),
  /** Ends a password login: as a new device, or as one that has a key. Exactly one of the two is given. */
  loginFinish: call(
    20,
    struct({ finish: opaque, newDevice: optional(newDevice), proof: optional(deviceProof) }),
    placement,
  ),
  /** `replacement`: after E_STORE_CLONED, registers a new device in the name of the proven one, which stays as well. */
  deviceLogin: call(
    21,
    struct({ user: userId, proof: deviceProof, replacement: optional(newDevice) }),
    placement,
  ),
  ticketLogin: call(22, struct({ ticket: bytes(1, 512), proof: deviceProof }), placement),

  /** To a user or a group. `last`: the newest counter taken from this device by this recipient. */
  send: call(32, struct({ envelope }), struct({ seq: u53, at: u53, last: u53 })),
  pull: call(
    33,
    struct({ log: address, from: u53, limit: u16 }),
    /** Covers `from` to `upTo`; what is missing in between has expired. */
    struct({ entries: logEntries, upTo: u53, head: u53 }),
  ),
  /** The device has everything up to `upTo` of its inbox on its own disk. */
  ack: call(34, struct({ upTo: u53 }), none),
  keys: call(35, struct({ user: userId }), publicKeys),
  receipts: call(36, struct({ user: userId }), receiptRecord),
  /** `memberships`: `membershipsMark` of the account's groups; another one than the device has tells of a push that was lost. */
  ping: call(37, none, struct({ head: u53, now: u53, memberships: u53 })),
  /** Whether the node is there: answered by it alone, whatever else it waits for. */
  probe: call(38, none, none),

  vault: call(40, none, sealedVault),
  /** Replaces version `expected`; with a new box key in the same commit when one is given. */
  putVault: call(
    41,
    struct({
      expected: u53,
      vault: bytes(1, VAULT_BYTES_MAX),
      wraps: optional(struct({ passwordWrap: bytes(1, 256), recoveryWrap: bytes(1, 256) })),
      box: optional(boxKey),
      minBoxEpoch: u53,
    }),
    struct({ version: u53 }),
  ),
  /** Password change: prove the old one, then register the new one. */
  reauthStart: call(42, struct({ request: opaque }), struct({ response: opaque })),
  reauthFinish: call(43, struct({ finish: opaque, request: opaque }), struct({ response: opaque })),
  changePassword: call(
    44,
    struct({
      expected: u53,
      record: opaque,
      vault: bytes(1, VAULT_BYTES_MAX),
      passwordWrap: bytes(1, 256),
    }),
    none,
  ),
  devices: call(45, none, struct({ devices: list(deviceInfo, DEVICES_MAX) })),
  revokeDevice: call(46, struct({ device: deviceId }), none),

  contacts: call(48, none, struct({ contacts: list(contactInfo, CONTACTS_MAX) })),
  putContact: call(49, contactInfo, none),
  presence: call(50, struct({ user: userId }), presenceInfo),
  /** Announces changes of these users' presence to this session until it ends; replaces the list before. */
  watch: call(51, struct({ users: list(userId, WATCHED_USERS_MAX) }), none),
  typing: call(52, struct({ to: userId }), none),
  ...groupClientCalls,
});

export type ClientCalls = (typeof clientCalls)['calls'];
export type ClientRequest = RequestOf<ClientCalls>;
export type ClientCallName = keyof ClientCalls;
export type ClientReply<K extends ClientCallName> = ReplyOf<ClientCalls, K>;
export type AnyClientReply = AnyReplyOf<ClientCalls>;

export const push = union({
  /** New entries of a log, in order; a gap before them means: pull. */
  entries: [2, struct({ log: address, entries: logEntries })],
  /** There is more in the log than was pushed: pull. */
  head: [3, struct({ log: address, head: u53 })],
  receipt: [4, struct({ user: userId, incarnation, device: deviceId, delivered: u53 })],
  presence: [5, presenceInfo],
  typing: [6, struct({ user: userId })],
  /** Another device wrote a newer vault. */
  vaultChanged: [7, struct({ version: u53 })],
  /** The session ends: go to the gate named, or to any other one after `afterMs`. */
  goAway: [
    8,
    struct({
      reason: oneOf('drain', 'revoked', 'replaced', 'idle', 'error'),
      afterMs: u53,
      redirect: optionalRedirect,
    }),
  ],
  /** Gates of the cluster, for the next reconnect. */
  gates: [9, struct({ gates: list(gateAddress, 64) })],
  expired: [10, struct({ user: userId, incarnation, device: deviceId, from: u53, to: u53 })],
  ...groupPushes,
});
export type Push = Infer<typeof push>;

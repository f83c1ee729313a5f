/** Valid frames of every kind: what mutations start from. Those about accounts that exist reach further than samples. */
import { loadReport } from '../../src/actors/balancer/messages.ts';
import { coordinatorCalls, viewAnnounced } from '../../src/cluster/coordinator-frames.ts';
import { granted, replicaRequest } from '../../src/cluster/replication/frames.ts';
import type { ClusterView, Member, ShardAssignment } from '../../src/cluster/members.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { MESH_SERVICES, meshMessage } from '../../src/net/mesh-frames.ts';
import type { MeshMessage, MeshService } from '../../src/net/mesh-frames.ts';
import { actorCalls } from '../../src/protocol/actor-calls.ts';
import { clientCalls, push } from '../../src/protocol/client-calls.ts';
import type { ClientRequest, Push } from '../../src/protocol/client-calls.ts';
import { encode, encodeRaw } from '../../src/protocol/codec.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import {
  parseDeviceId,
  parseGroupId,
  parseIncarnation,
  parseNodeId,
  parseShardId,
  parseUserId,
} from '../../src/protocol/ids.ts';
import type { Address, DeviceId, Incarnation, UserId } from '../../src/protocol/ids.ts';
import { joinCalls } from '../../src/protocol/join-frames.ts';
import { sessionPush } from '../../src/protocol/node-messages.ts';
import { userCalls } from '../../src/protocol/user-calls.ts';
import type { UserRequest } from '../../src/protocol/user-calls.ts';
import { sampleCalls, sampleVariants } from './samples.ts';

/** Who the frames are about: accounts that exist and belong to nobody honest. */
export interface Cast {
  readonly mallory: UserId;
  readonly device: DeviceId;
  readonly victim: UserId;
  /** Of the victim's log. */
  readonly incarnation: Incarnation;
  readonly shards: number;
}

const fill = (length: number, byte = 7): Uint8Array => new Uint8Array(length).fill(byte);
const N1 = parseNodeId('n1');
const EVIL = parseNodeId('evil');

const device = { publicKey: fill(32), name: 'laptop', token: fill(16) };
const box = { epoch: 1, publicKey: fill(32), signature: fill(64) };
const vault = { version: 1, vault: fill(200), passwordWrap: fill(100), recoveryWrap: fill(100) };
const opaque = fill(96);
const tokens = { previous: fill(16, 1), next: fill(16, 2) };
const change = { expected: 1, vault: fill(200), wraps: undefined, box: undefined, minBoxEpoch: 1 };

function envelopeOf({ mallory, device: from, victim, incarnation }: Cast): Envelope {
  return {
    to: victim,
    incarnation,
    from: mallory,
    device: from,
    counter: 1,
    tag: fill(16),
    boxEpoch: 1,
    quiet: false,
    body: fill(300),
  };
}

/** The calls of people who write to each other, about accounts that exist. */
export function clientRequests(cast: Cast): readonly ClientRequest[] {
  const { mallory, victim } = cast;
  const proof = { device: cast.device, signature: fill(64), tokens };
  return [
    { type: 'hello', versionMin: 1, versionMax: 1, agent: 'fuzz' },
    { type: 'registerStart', user: victim, request: opaque },
    {
      type: 'registerFinish',
      user: victim,
      record: opaque,
      identity: fill(32),
      box,
      vault,
      device,
      invitation: undefined,
    },
    { type: 'loginStart', user: victim, request: opaque },
    { type: 'loginFinish', finish: opaque, newDevice: device, proof: undefined },
    { type: 'deviceLogin', user: mallory, proof, replacement: undefined },
    { type: 'ticketLogin', ticket: fill(180), proof },
    { type: 'send', envelope: envelopeOf(cast) },
    { type: 'pull', log: mallory, from: 1, limit: 10 },
    { type: 'ack', upTo: 3 },
    { type: 'keys', user: victim },
    { type: 'receipts', user: victim },
    { type: 'ping' },
    { type: 'probe' },
    { type: 'vault' },
    { type: 'putVault', ...change },
    { type: 'reauthStart', request: opaque },
    { type: 'reauthFinish', finish: opaque, request: opaque },
    {
      type: 'changePassword',
      expected: 1,
      record: opaque,
      vault: fill(200),
      passwordWrap: fill(100),
    },
    { type: 'devices' },
    { type: 'revokeDevice', device: parseDeviceId(99) },
    { type: 'contacts' },
    { type: 'putContact', user: victim, contact: true, blocked: false },
    { type: 'presence', user: victim },
    { type: 'watch', users: [victim] },
    { type: 'typing', to: victim },
  ];
}

/** Frames of one call each, of every call there is, and one of many. */
export function clientFrames(cast: Cast): readonly Uint8Array[] {
  const items = clientRequests(cast).map((request, index) =>
    clientCalls.packRequest(1001 + index, request),
  );
  const others = sampleCalls(clientCalls.calls);
  return [...[...others, ...items].map((item) => encodeRaw([item])), encodeRaw(items)];
}

export function pushes(cast: Cast): readonly Push[] {
  const { mallory, victim, incarnation } = cast;
  const entry = { seq: 1, at: 5, envelope: envelopeOf(cast) };
  const gate = { node: N1, host: '127.0.0.1', port: 7400 };
  const ofDevice = { incarnation, device: cast.device };
  return [
    { type: 'entries', log: victim, entries: [entry, { ...entry, seq: 2 }] },
    { type: 'head', log: victim, head: 9 },
    { type: 'receipt', user: mallory, ...ofDevice, delivered: 3 },
    { type: 'presence', user: mallory, online: true, lastSeen: 4 },
    { type: 'typing', user: mallory },
    { type: 'vaultChanged', version: 2 },
    { type: 'goAway', reason: 'drain', afterMs: 5, redirect: { ticket: fill(180), gate } },
    { type: 'gates', gates: [gate] },
    { type: 'expired', user: mallory, ...ofDevice, from: 1, to: 2 },
  ];
}

/** What a node sends to a client. */
export function pushFrames(cast: Cast): readonly Uint8Array[] {
  return [
    ...pushes(cast).map((value) => encodeRaw([push.pack(value)])),
    ...sampleVariants(push).map((item) => encodeRaw([item])),
    encodeRaw([[0, 1, 1, 'n1', fill(16)]]),
    encodeRaw([[1, 1, 'E_AUTH', 'no', 5]]),
  ];
}

export function joinFrames(): readonly Uint8Array[] {
  const nonce = fill(32);
  return [
    encodeRaw([joinCalls.packRequest(1, { type: 'joinStart', node: EVIL, nonce })]),
    encodeRaw([
      joinCalls.packRequest(2, { type: 'joinFinish', nonce, member: fill(60), proof: fill(32) }),
    ]),
  ];
}

/** What a user actor can be asked, about accounts that exist. */
export function userRequests(cast: Cast): readonly UserRequest[] {
  const { mallory, victim, incarnation } = cast;
  const session = { node: EVIL, session: 1 };
  const ofDevice = { incarnation, device: cast.device };
  return [
    { type: 'register', record: opaque, identity: fill(32), box, vault, device },
    { type: 'loginRecord' },
    { type: 'loginResult', success: false },
    { type: 'addDevice', ...device, record: undefined },
    { type: 'deviceKey', device: cast.device },
    { type: 'attach', device: parseDeviceId(1), session, tokens },
    { type: 'detach', device: parseDeviceId(1), session },
    { type: 'append', envelope: envelopeOf(cast) },
    { type: 'pull', device: parseDeviceId(1), from: 1, limit: 10 },
    { type: 'ack', device: parseDeviceId(1), upTo: 1 },
    { type: 'keys', asker: mallory },
    { type: 'receipts', sender: mallory },
    { type: 'receipt', by: mallory, ...ofDevice, delivered: 1 },
    { type: 'expired', by: mallory, seq: 1, ...ofDevice, from: 1, to: 2 },
    { type: 'head', device: parseDeviceId(1), session },
    { type: 'vault' },
    { type: 'putVault', ...change },
    {
      type: 'changePassword',
      proven: opaque,
      expected: 1,
      record: opaque,
      vault: fill(200),
      passwordWrap: fill(100),
    },
    { type: 'devices' },
    { type: 'revokeDevice', device: parseDeviceId(99) },
    { type: 'contacts' },
    { type: 'putContact', user: mallory, contact: true, blocked: false },
    { type: 'presence', asker: victim },
    { type: 'watch', watcher: victim },
    { type: 'presenceChanged', user: victim, online: true, lastSeen: 5 },
    { type: 'typing', from: mallory },
    { type: 'mailboxStats' },
  ];
}

/** A call as the router sends it. */
function routed({ shards }: Cast, to: Address, call: readonly unknown[]): Uint8Array {
  return encodeRaw([shardOf(to, shards), 1, to, call]);
}

const MEMBER: Member = {
  node: EVIL,
  meshEndpoint: 'tcp://127.0.0.1:9',
  curveKey: fill(32),
  gateHost: '127.0.0.1',
  gatePort: 9,
};
const ASSIGNED: ShardAssignment = { epoch: 1, owner: N1, replicas: [N1] };
const VIEW: ClusterView = { members: [MEMBER], map: { version: 1, shards: [ASSIGNED, ASSIGNED] } };

export function coordinatorPayloads(): readonly Uint8Array[] {
  const asked = [
    { type: 'join', member: MEMBER },
    { type: 'swap', shard: parseShardId(0), expectedEpoch: 1, next: ASSIGNED },
  ] as const;
  return [
    ...asked.map((request) => encodeRaw(coordinatorCalls.packRequest(0, request))),
    ...sampleCalls(coordinatorCalls.calls).map((call) => encodeRaw(call)),
  ];
}

export function replicaPayloads(): readonly Uint8Array[] {
  const shard = parseShardId(3);
  const head = { epoch: 1, seq: 1 };
  const writes = [
    { key: fill(20), value: fill(100) },
    { key: fill(21), value: undefined },
  ];
  const committed = [
    { key: fill(20), value: fill(100), isNew: true },
    { key: fill(21), value: undefined, isNew: undefined },
  ];
  const asked = [
    { type: 'append', commits: [{ shard, epoch: 1, seq: 2, before: 1, writes: committed }] },
    { type: 'status', shard, epoch: 1 },
    { type: 'rollBack', shard, epoch: 1, from: head, to: 0 },
    { type: 'install', shard, epoch: 1, from: head, head, writes },
    {
      type: 'beginCopy',
      shard,
      epoch: 1,
      attempt: 1,
      from: undefined,
      floor: { epoch: 1, seq: 1 },
    },
    { type: 'page', shard, epoch: 1, attempt: 1, head: undefined, writes },
    { type: 'digest', shard, epoch: 1, head },
    { type: 'held', shard, epoch: 1 },
  ] as const;
  return [
    ...asked.map((request) => encode(replicaRequest, request)),
    ...sampleVariants(replicaRequest).map((value) => encodeRaw(value)),
  ];
}

const LOAD = encode(loadReport, {
  sessions: 3,
  eventLoopUtilisation: 0.2,
  outboxFill: 0,
  draining: true,
  storeFull: false,
  missed: [],
  forgotten: [EVIL],
  bootId: fill(16),
  gateHost: '127.0.0.1',
  gatePort: 9,
  now: 1_700_000_000_000,
});

/** A payload of a member and the service it is for. */
export interface Addressed {
  readonly service: MeshService;
  readonly payload: Uint8Array;
}

/** What other nodes say to user actors and sessions. */
export function actorPayloads(cast: Cast): readonly Addressed[] {
  const calls = userRequests(cast).map((request) => userCalls.packRequest(0, request));
  const others = sampleCalls(actorCalls.calls);
  const ofActors = [
    ...[...calls, ...others].map((call) => routed(cast, cast.victim, call)),
    ...others.map((call) => routed(cast, parseGroupId('team'), call)),
  ];
  const ofSessions = [
    ...pushes(cast).map((value) => encode(sessionPush, { session: 1, push: value })),
    ...sampleVariants(push).map((value) => encodeRaw([1, value])),
  ];
  return [
    ...ofActors.map((payload) => ({ service: 'actor', payload }) as const),
    ...ofSessions.map((payload) => ({ service: 'session', payload }) as const),
  ];
}

/** What a member can order: the cluster's map and copies of shards. */
export function orderPayloads(): readonly Addressed[] {
  const told = [
    { service: 'coordinator', payload: encode(viewAnnounced, { view: VIEW, live: [EVIL] }) },
    {
      service: 'replica',
      payload: encode(granted, { shard: parseShardId(3), assignment: ASSIGNED }),
    },
  ] as const;
  return [
    ...coordinatorPayloads().map((payload) => ({ service: 'coordinator', payload }) as const),
    ...replicaPayloads().map((payload) => ({ service: 'replica', payload }) as const),
    ...told,
  ];
}

/** Messages between meshes that mean something, without a frame around them. */
function meshMessages(): readonly MeshMessage[] {
  return [
    { type: 'hello', version: 1, node: EVIL, bootId: 'boot-of-evil' },
    { type: 'heartbeat', hears: 1, heardSeq: 5, load: LOAD },
    { type: 'request', id: 1, service: MESH_SERVICES.gossip, payload: fill(10) },
    { type: 'reply', id: 1, payload: fill(10) },
    { type: 'failure', id: 1, code: 'E_MOVED', message: 'elsewhere', retryAfterMs: undefined },
    { type: 'tell', service: MESH_SERVICES.gossip, payload: fill(10) },
  ];
}

/** Load reports, as heartbeats carry them. */
export function loadPayloads(): readonly Uint8Array[] {
  return [LOAD];
}

export function packedMessages(): ReadonlyArray<readonly unknown[]> {
  return [
    ...meshMessages().map((message) => meshMessage.pack(message) as readonly unknown[]),
    ...sampleVariants(meshMessage),
  ];
}

/** A cast for codecs, which look nobody up. */
export const NOBODY: Cast = {
  mallory: parseUserId('mallory'),
  device: parseDeviceId(2),
  victim: parseUserId('victim'),
  incarnation: parseIncarnation('0'.repeat(32)),
  shards: 16,
};

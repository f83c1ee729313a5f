/** The devices of an account: registering, replacing, listing, revoking. Numbers are never given twice. */
import type { NewDevice } from '../../protocol/account.ts';
import { newDevice } from '../../protocol/account.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { DEVICES_MAX } from '../../protocol/limits.ts';
import { ownCopy } from '../runtime/own-copy.ts';
import {
  answerAfter,
  beginAccountCommit,
  isPresentRecord,
  refuse,
  refusePassword,
  refuseUnknown,
  replyOf,
} from './commits.ts';
import type { Asked } from './messages.ts';
import type { AccountRecord, DeviceRecord, UserWrite } from './records.ts';
import { goAway, removeSession } from './sessions.ts';
import type { Device, Release, UserState, UserTurn } from './state.ts';

/** Registers a device; the same key again (a retry) is answered with the number it has. */
export function addDevice(turn: UserTurn, message: Asked<'addDevice'>): void {
  const { state } = turn;
  const { replyTo } = message;
  if (state.account === undefined) {
    refuseUnknown(turn, replyTo);
    return;
  }
  if (message.record !== undefined && !isPresentRecord(state.account, message.record)) {
    refusePassword(turn, replyTo);
    return;
  }
  const known = deviceByKey(state, message.publicKey);
  if (known !== undefined) {
    renewToken(turn, known, message);
    return;
  }
  if (state.devices.size >= DEVICES_MAX) {
    refuse(turn, replyTo, {
      code: 'E_TOO_MANY_DEVICES',
      text: `the account has ${DEVICES_MAX} devices; revoke one first`,
    });
    return;
  }
  const { device, writes } = registerDevice(turn, state.account, message);
  beginAccountCommit(turn, writes, [replyOf(message, { device })]);
}

/** A retry of a registration: the device's store begins with the token it sends now. */
function renewToken(turn: UserTurn, device: Device, message: Asked<'addDevice'>): void {
  device.record = { ...device.record, token: new Uint8Array(message.token) };
  device.isDirty = false;
  const reply = replyOf(message, { device: device.record.device });
  beginAccountCommit(turn, [{ type: 'device', record: device.record }], [reply]);
}

export function revokeDevice(turn: UserTurn, message: Asked<'revokeDevice'>): void {
  const { device, replyTo } = message;
  if (!turn.state.devices.has(device)) {
    refuseDevice(turn, replyTo);
    return;
  }
  const releases: Release[] = [...removeDevice(turn, device), replyOf(message, {})];
  beginAccountCommit(turn, [{ type: 'removeDevice', device }], releases);
}

/** The key of a live device; undefined for one that is unknown or revoked, so that a stranger learns nothing. */
export function deviceKey(turn: UserTurn, message: Asked<'deviceKey'>): void {
  const publicKey = turn.state.devices.get(message.device)?.record.publicKey;
  const reply = { to: message.replyTo, value: { publicKey } };
  answerAfter(turn, turn.state.accountCommit, reply);
}

export function devices(turn: UserTurn, message: Asked<'devices'>): void {
  const { state } = turn;
  const infos = [...state.devices.values()].map(({ record: { device, name, lastSeen } }) => ({
    device,
    name,
    lastSeen,
  }));
  answerAfter(turn, state.accountCommit, { to: message.replyTo, value: { devices: infos } });
}

/** Adds a device to the state; the writes that make it last. It begins at the oldest entry that is kept. */
export function registerDevice(
  turn: UserTurn,
  account: AccountRecord,
  request: NewDevice,
): { readonly device: DeviceId; readonly writes: readonly UserWrite[] } {
  const { state, nowMs } = turn;
  const device = account.nextDevice as DeviceId;
  const { publicKey, name, token } = ownCopy(newDevice, request);
  const record: DeviceRecord = {
    device,
    publicKey,
    name,
    token,
    cursor: state.log.floor,
    lastSeen: nowMs,
    session: undefined,
  };
  state.devices.set(device, { record, isDirty: false });
  state.account = { ...account, nextDevice: account.nextDevice + 1 };
  return {
    device,
    writes: [
      { type: 'account', record: state.account },
      { type: 'device', record },
    ],
  };
}

/** Takes a device out of the state; what its session is told once that lasts. */
function removeDevice(turn: UserTurn, device: DeviceId): Release[] {
  const { state } = turn;
  const attached = state.sessions.get(device);
  state.attaching.delete(device);
  state.devices.delete(device);
  if (attached === undefined) return [];
  removeSession(turn, device, turn.nowMs);
  return [{ type: 'effect', effect: goAway(attached.session, 'revoked') }];
}

export function deviceByKey(state: UserState, publicKey: Uint8Array): Device | undefined {
  for (const device of state.devices.values())
    if (Buffer.compare(device.record.publicKey, publicKey) === 0) return device;
  return undefined;
}

function refuseDevice(turn: UserTurn, to: number): void {
  refuse(turn, to, { code: 'E_NO_SUCH_DEVICE', text: 'the device is not registered' });
}

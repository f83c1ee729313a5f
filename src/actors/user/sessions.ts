/** Which session of each device entries are pushed to. Soft: sessions announce themselves again after a shard moved. */
import type { DeviceId } from '../../protocol/ids.ts';
import { membershipsMark } from '../../protocol/group-facts.ts';
import { SESSION_SILENT_MS } from '../../protocol/limits.ts';
import type { SessionRef } from '../../protocol/user-calls.ts';
import { answer, beginAccountCommit, refuse } from './commits.ts';
import { flushNow, flushSoon } from './delivery.ts';
import type { Asked, UserEffect } from './messages.ts';
import { withPresence } from './presence.ts';
import { isSameSession, pendingCount } from './state.ts';
import type { Device, Release, UserState, UserTurn } from './state.ts';

const NO_SUCH_DEVICE = { code: 'E_NO_SUCH_DEVICE', text: 'the device is not registered' } as const;

type AttachRelease = Extract<Release, { type: 'attach' }>;

/** Accepts a device whose store knows one of the two tokens, and records the next one in the same commit. */
export function attach(turn: UserTurn, message: Asked<'attach'>): void {
  const { state, nowMs } = turn;
  const { device: id, session, tokens, replyTo } = message;
  const device = state.devices.get(id);
  if (device === undefined || state.account === undefined) {
    refuse(turn, replyTo, NO_SUCH_DEVICE);
    return;
  }
  if (!isToken(device, tokens.previous) && !isToken(device, tokens.next)) {
    refuse(turn, replyTo, {
      code: 'E_STORE_CLONED',
      text: 'the local store of this device was restored or copied',
    });
    return;
  }
  const token = new Uint8Array(tokens.next);
  device.record = { ...device.record, token, session, lastSeen: nowMs };
  device.isDirty = false;
  state.attaching.set(id, session);
  beginAccountCommit(
    turn,
    [{ type: 'device', record: device.record }],
    [{ type: 'attach', to: replyTo, device: id, session }],
  );
}

function isToken(device: Device, token: Uint8Array): boolean {
  return Buffer.compare(device.record.token, token) === 0;
}

/** The commit of an attachment is flushed: from here on entries are pushed to the session. */
export function attached(turn: UserTurn, release: AttachRelease): void {
  const { state } = turn;
  const { device, session, to } = release;
  if (!isSameSession(state.attaching.get(device), session)) {
    refuse(turn, to, { code: 'E_UNREACHABLE', text: 'another session of the device came first' });
    return;
  }
  state.attaching.delete(device);
  const before = state.sessions.get(device);
  if (before !== undefined && !isSameSession(before.session, session))
    turn.effects.push(goAway(before.session, 'replaced'));
  addSession(turn, device, session);
  answerAttached(turn, release);
}

function answerAttached(turn: UserTurn, { to, device, session }: AttachRelease): void {
  const { account, devices, log, settings } = turn.state;
  const record = devices.get(device)?.record;
  if (account === undefined || record === undefined) {
    refuse(turn, to, NO_SUCH_DEVICE);
    return;
  }
  answer(turn, to, {
    node: session.node,
    device,
    incarnation: account.incarnation,
    head: log.committed.seq,
    cursor: record.cursor,
    pending: pendingCount(log),
    boxEpoch: account.box.epoch,
    minBoxEpoch: account.minBoxEpoch,
    vaultVersion: account.vaultVersion,
    textBytes: settings.limits.textBytes,
    now: turn.nowMs,
  });
}

export function detach(turn: UserTurn, message: Asked<'detach'>): void {
  const { attaching, sessions } = turn.state;
  const { device, session, replyTo } = message;
  // A session may end before its attachment is flushed; it must not come to life afterwards.
  if (isSameSession(attaching.get(device), session)) attaching.delete(device);
  if (isSameSession(sessions.get(device)?.session, session)) {
    removeSession(turn, device, turn.nowMs);
    // The device cannot correct its cursor until it comes back; another one would be told of too many waiting.
    flushNow(turn);
  }
  answer(turn, replyTo, {});
}

/** A sign of life. A session this actor does not know is taken in when it is the device's newest one. */
export function head(turn: UserTurn, message: Asked<'head'>): void {
  const { state, effects, nowMs } = turn;
  const { device: id, session, replyTo } = message;
  const device = state.devices.get(id);
  if (device === undefined) {
    effects.push(goAway(session, 'revoked'));
    refuse(turn, replyTo, NO_SUCH_DEVICE);
    return;
  }
  const known = state.sessions.get(id);
  if (isSameSession(known?.session, session) && known !== undefined) known.seenAtMs = nowMs;
  else if (isSameSession(device.record.session, session)) takeIn(turn, id, session);
  else effects.push(goAway(session, 'replaced'));
  const memberships = membershipsMark(state.groups.values());
  answer(turn, replyTo, { head: state.log.committed.seq, memberships });
}

/** One whose attachment is under way is pushed to when that is flushed, not earlier. */
function takeIn(turn: UserTurn, device: DeviceId, session: SessionRef): void {
  if (!turn.state.attaching.has(device)) addSession(turn, device, session);
}

function addSession(turn: UserTurn, device: DeviceId, session: SessionRef): void {
  withPresence(turn, () => turn.state.sessions.set(device, { session, seenAtMs: turn.nowMs }));
}

/** Takes a device's session out, remembering when the device was seen last. */
export function removeSession(turn: UserTurn, id: DeviceId, lastSeenMs: number): void {
  const { state } = turn;
  const device = state.devices.get(id);
  if (device !== undefined) {
    device.record = { ...device.record, lastSeen: Math.max(device.record.lastSeen, lastSeenMs) };
    device.isDirty = true;
    flushSoon(turn);
  }
  withPresence(turn, () => state.sessions.delete(id));
}

/** Forgets sessions that gave no sign of life: their node died without a word. */
export function endSilentSessions(turn: UserTurn): void {
  for (const [device, { seenAtMs }] of turn.state.sessions)
    if (turn.nowMs - seenAtMs > SESSION_SILENT_MS) removeSession(turn, device, seenAtMs);
}

export function goAway(session: SessionRef, reason: 'revoked' | 'replaced'): UserEffect {
  return {
    type: 'push',
    session,
    push: { type: 'goAway', reason, afterMs: 0, redirect: undefined },
  };
}

/** Devices that hold the log back: registered, and seen within DEVICE_STALE_MS or attached now. */
export function liveDevices(state: UserState, staleBeforeMs: number): Device[] {
  return [...state.devices.values()].filter(
    ({ record }) => record.lastSeen >= staleBeforeMs || state.sessions.has(record.device),
  );
}

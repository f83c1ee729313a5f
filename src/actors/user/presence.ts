/** Who is online, who wants to know, and other things that are told but never stored. */
import type { PresenceInfo } from '../../protocol/account.ts';
import type { Push } from '../../protocol/client-calls.ts';
import type { UserId } from '../../protocol/ids.ts';
import { PRESENCE_LEASE_MS, WATCHERS_MAX } from '../../protocol/limits.ts';
import { answer, refuseUnknown } from './commits.ts';
import type { Asked } from './messages.ts';
import type { UserState, UserTurn } from './state.ts';

export function presence(turn: UserTurn, message: Asked<'presence'>): void {
  if (turn.state.account === undefined) refuseUnknown(turn, message.replyTo);
  else answer(turn, message.replyTo, presenceFor(turn.state, message.asker));
}

/** Takes or renews a lease and tells the present state; past WATCHERS_MAX the state is told once. */
export function watch(turn: UserTurn, message: Asked<'watch'>): void {
  const { state, nowMs } = turn;
  const { watcher } = message;
  if (state.account !== undefined) {
    const hasRoom = state.watchers.has(watcher) || state.watchers.size < WATCHERS_MAX;
    if (hasRoom && !isBlocked(state, watcher))
      state.watchers.set(watcher, nowMs + PRESENCE_LEASE_MS);
    tellPresence(turn, watcher);
  }
  answer(turn, message.replyTo, {});
}

/** Runs `change` and tells every watcher when it made the user appear or vanish. */
export function withPresence(turn: UserTurn, change: () => void): void {
  const { state } = turn;
  const wasOnline = state.sessions.size > 0;
  change();
  if (state.sessions.size > 0 === wasOnline) return;
  for (const watcher of state.watchers.keys()) tellPresence(turn, watcher);
}

/** Forgets leases that have ended. */
export function endLeases({ state, nowMs }: UserTurn): void {
  for (const [watcher, untilMs] of state.watchers)
    if (untilMs <= nowMs) state.watchers.delete(watcher);
}

/** At a watcher: somebody it watches appeared or vanished. */
export function presenceChanged(turn: UserTurn, message: Asked<'presenceChanged'>): void {
  const { user, online, lastSeen } = message;
  pushToAll(turn, { type: 'presence', user, online, lastSeen });
  answer(turn, message.replyTo, {});
}

export function typing(turn: UserTurn, message: Asked<'typing'>): void {
  if (!isBlocked(turn.state, message.from)) pushToAll(turn, { type: 'typing', user: message.from });
  answer(turn, message.replyTo, {});
}

/** Pushes to every attached session. */
export function pushToAll({ state, effects }: UserTurn, push: Push): void {
  for (const { session } of state.sessions.values()) effects.push({ type: 'push', session, push });
}

function tellPresence({ state, effects }: UserTurn, watcher: UserId): void {
  const request = { type: 'presenceChanged', ...presenceFor(state, watcher) } as const;
  effects.push({ type: 'tell', to: watcher, request });
}

/** To somebody who is blocked a user looks as if never seen. */
function presenceFor(state: UserState, asker: UserId): PresenceInfo {
  const { user } = state;
  if (isBlocked(state, asker)) return { user, online: false, lastSeen: 0 };
  let lastSeen = 0;
  for (const { record } of state.devices.values()) lastSeen = Math.max(lastSeen, record.lastSeen);
  return { user, online: state.sessions.size > 0, lastSeen };
}

function isBlocked(state: UserState, other: UserId): boolean {
  return state.contacts.get(other)?.blocked === true;
}

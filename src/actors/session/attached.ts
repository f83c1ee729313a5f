/** A session that is attached: it pushes, announces itself, and goes when it is told to. */
import type { Redirect } from '../../protocol/account.ts';
import type { Outcome } from '../../protocol/calls.ts';
import type { Push } from '../../protocol/client-calls.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import type { UserId } from '../../protocol/ids.ts';
import {
  ANNOUNCE_RETRY_MS,
  GO_AWAY_GRACE_MS,
  KEEPALIVE_INTERVAL_MS,
  MOVED_GRACE_MS,
  PRESENCE_LEASE_MS,
  SESSION_SILENT_MS,
} from '../../protocol/limits.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { Gate } from '../balancer/messages.ts';
import { closeSession, sendAway } from './farewell.ts';
import { isGroupPush, pushedGroup } from './groups.ts';
import type { TicketHolder } from './messages.ts';
import type { Attached, Phase } from './phases.ts';
import {
  checkTold,
  headOf,
  isBehind,
  isHeld,
  noteHead,
  openWindow,
  pushEntries,
} from './push-window.ts';
import { nothingSpent } from './rates.ts';
import { refusalOf } from './refusals.ts';
import { count, emit, refuse } from './turn.ts';
import type { Turn } from './turn.ts';

interface Heads {
  /** Newest entry when the session was attached: the client pulls up to there. */
  readonly head: number;
  /** Newest entry pushed since, before the session knew that it is attached. */
  readonly newest: number;
}

export function beginAttached(turn: Turn, holder: TicketHolder, { head, newest }: Heads): void {
  const { now } = turn;
  const { user, device } = holder;
  const phase: Attached = {
    at: 'attached',
    user,
    device,
    window: openWindow(user, head),
    groups: undefined,
    spent: nothingSpent(),
    reauth: { at: 'none' },
    watched: [],
    acknowledged: 0,
    announceAtMs: now + KEEPALIVE_INTERVAL_MS,
    watchAtMs: Infinity,
    leaveAtMs: Infinity,
  };
  turn.state.phase = phase;
  emit(turn, { type: 'opened', holder });
  emitPushes(turn, noteHead(phase.window, newest));
  scheduleNext(turn, phase);
}

export function emitPushes(turn: Turn, pushes: readonly Push[]): void {
  for (const push of pushes) emit(turn, { type: 'push', push });
}

/** One timer at a time: for whatever is due first. */
export function scheduleNext(turn: Turn, phase: Attached): void {
  const silentAtMs = turn.state.heardAtMs + SESSION_SILENT_MS;
  const dueMs = Math.min(phase.announceAtMs, phase.watchAtMs, phase.leaveAtMs, silentAtMs);
  emit(turn, { type: 'schedule', delayMs: Math.max(0, dueMs - turn.now) });
}

/** The timer fired; a session that is not attached has a deadline only. */
export function tick(turn: Turn): void {
  const { state, now } = turn;
  const { phase } = state;
  if (phase.at === 'closed') return;
  if (phase.at !== 'attached') {
    if (now >= state.deadlineMs) return closeSession(turn, 'no login in time');
    return emit(turn, { type: 'schedule', delayMs: state.deadlineMs - now });
  }
  if (now >= phase.leaveAtMs) return closeSession(turn, 'sent away');
  if (now >= state.heardAtMs + SESSION_SILENT_MS) return sendAway(turn, 'idle');
  if (now >= phase.announceAtMs) announce(turn, phase);
  if (now >= phase.watchAtMs) watchAll(turn, phase);
  scheduleNext(turn, phase);
}

/**
 * Tells the user actor that this session lives: at intervals, and at once when its shard has a new owner. It hears again
 * what the client has, because what it was told may be lost: a mailbox would stay full of what was read long ago.
 */
function announce(turn: Turn, phase: Attached): void {
  phase.announceAtMs = turn.now + KEEPALIVE_INTERVAL_MS;
  if (phase.acknowledged > 0) tellAcknowledged(turn, phase);
  askHead(turn, phase, 0);
}

export function tellAcknowledged(turn: Turn, phase: Attached): void {
  const request = { type: 'ack', device: phase.device, upTo: phase.acknowledged } as const;
  emit(turn, { type: 'tell', to: phase.user, request });
}

export function askHead(turn: Turn, { user, device }: Attached, id: number): void {
  const { session } = turn.state.setup;
  emit(turn, { type: 'ask', id, to: user, request: { type: 'head', device, session } });
}

/** The answer to a ping (which has an id) or to an announcement. */
export function headRead(turn: Turn, id: number, outcome: Outcome<UserReply<'head'>>): void {
  const { phase } = turn.state;
  if (phase.at !== 'attached') return;
  if (!outcome.ok) {
    refuse(turn, id, refusalOf(outcome.error));
    if (outcome.error.code === 'E_NO_SUCH_DEVICE') return sendAway(turn, 'revoked');
    return announceWithin(turn, phase, ANNOUNCE_RETRY_MS);
  }
  const { head, memberships } = outcome.value;
  if (id !== 0) emit(turn, { type: 'pong', id, head, memberships });
  emitPushes(turn, checkTold(phase.window, head));
  if (isBehind(phase.window)) announceWithin(turn, phase, ANNOUNCE_RETRY_MS);
}

/** Brings the next announcement forward. */
export function announceWithin(turn: Turn, phase: Attached, delayMs: number): void {
  phase.announceAtMs = Math.min(phase.announceAtMs, turn.now + delayMs);
  scheduleNext(turn, phase);
}

/** The new owner of the shard knows nothing of this session. */
export function shardMoved(turn: Turn): void {
  const { phase } = turn.state;
  if (phase.at === 'attached') announce(turn, phase);
}

/** Replaces the list of users whose presence the client shows. */
export function watch(turn: Turn, phase: Attached, users: readonly UserId[]): void {
  phase.watched = users;
  watchAll(turn, phase);
  scheduleNext(turn, phase);
}

/** Renewed at half the lease, so that one lost renewal does not end it. */
function watchAll(turn: Turn, phase: Attached): void {
  const request = { type: 'watch', watcher: phase.user } as const;
  for (const to of phase.watched) emit(turn, { type: 'tell', to, request });
  phase.watchAtMs = phase.watched.length > 0 ? turn.now + PRESENCE_LEASE_MS / 2 : Infinity;
}

/** Something for the client from its user actor. */
export function pushed(turn: Turn, push: Push): void {
  const { phase } = turn.state;
  if (phase.at === 'placing') return pushedEarly(turn, phase, push);
  if (phase.at !== 'attached') return;
  if (isReplaced(push) && phase.leaveAtMs !== Infinity) return moved(turn, phase);
  if (isOfAnother(push, phase.user)) return;
  if (push.type === 'entries') return pushedEntries(turn, phase, push.entries);
  if (isGroupPush(push)) return pushedGroup(turn, phase, push);
  if (push.type === 'head') return emitPushes(turn, noteHead(phase.window, push.head));
  // Worth nothing later, so a client that is behind is spared it.
  if (push.type === 'typing' && !phase.window.writable) return;
  emit(turn, { type: 'push', push });
  if (push.type === 'goAway') closeSession(turn, push.reason);
}

/** For a session that had this number before, at an earlier life of this node: its entries would pass for ours. */
function isOfAnother(push: Push, user: UserId): boolean {
  return (push.type === 'entries' || push.type === 'head') && push.log !== user;
}

function isReplaced(push: Push): boolean {
  return push.type === 'goAway' && push.reason === 'replaced';
}

/** The client that was sent away is attached elsewhere; it goes as soon as it has heard of that itself. */
function moved(turn: Turn, phase: Attached): void {
  phase.leaveAtMs = Math.min(phase.leaveAtMs, turn.now + MOVED_GRACE_MS);
  scheduleNext(turn, phase);
}

function pushedEntries(turn: Turn, { window }: Attached, entries: readonly LogEntry[]): void {
  emitPushes(turn, pushEntries(window, entries));
  if (isHeld(window)) count(turn, 'pushesHeld');
}

/** The user actor may be faster with an entry than with the answer to `attach`: its content waits in the log. */
function pushedEarly(turn: Turn, phase: Extract<Phase, { at: 'placing' }>, push: Push): void {
  const head = headOf(push);
  if (head > phase.newest) turn.state.phase = { ...phase, newest: head };
}

/** The node drains. What the client has begun is still answered for a while. */
export function leave(turn: Turn, gate: Gate | undefined, afterMs: number): void {
  const { phase, setup } = turn.state;
  if (phase.at === 'closed') return;
  if (phase.at !== 'attached') return sendAway(turn, 'drain', afterMs);
  if (phase.leaveAtMs !== Infinity) return;
  phase.leaveAtMs = turn.now + GO_AWAY_GRACE_MS;
  scheduleNext(turn, phase);
  if (gate === undefined || gate.node === setup.session.node)
    return pushGoAway(turn, afterMs, undefined);
  const holder = { user: phase.user, device: phase.device };
  emit(turn, { type: 'signTicket', holder, gate });
}

/** The ticket for a session that leaves. */
export function pushGoAway(turn: Turn, afterMs: number, redirect: Redirect | undefined): void {
  emit(turn, { type: 'push', push: { type: 'goAway', reason: 'drain', afterMs, redirect } });
}

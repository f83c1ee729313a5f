/**
 * A session as a pure step: one authenticated device on one link, or a link on its way to being one.
 *
 *   greeting -> anonymous <-> working <-> registering | authenticating      one attempt after the other
 *                             working  -> placing -> attached -> closed     closed from anywhere
 *
 * S1  Before `attached` only login calls are acted on; everything else is refused.
 * S2  Every call with an id is answered or refused exactly once, unless the link ends first.
 * S3  Nobody learns from a refused login whether a user or a device exists.
 * S4  Every challenge a client has seen ends in one `loginResult`, every attachment in one `detach`.
 */
import type { Push } from '../../protocol/client-calls.ts';
import { assertNever } from '../../protocol/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../protocol/limits.ts';
import { headRead, leave, emitPushes, pushGoAway, pushed, shardMoved, tick } from './attached.ts';
import { closeSession } from './farewell.ts';
import { handleAttached } from './forward.ts';
import { setGroupsWritable } from './group-windows.ts';
import { subscribed } from './groups.ts';
import { admitted, greet, handleBeforeLogin, refuseFrame } from './handshake.ts';
import { deviceAdded, loginStarted, passwordChecked, recordRead } from './login.ts';
import type { Answered, ClientItem, MessageNamed, SessionEffect, SessionMsg } from './messages.ts';
import type { SessionSetup, SessionState } from './phases.ts';
import { attached, placed, redirectLogin } from './placing.ts';
import { deviceKeyRead, proofVerified, ticketUsed } from './proof.ts';
import { noteHead, setWritable } from './push-window.ts';
import type { PushWindow } from './push-window.ts';
import { reauthAnswered, reauthChecked, reauthRecordRead, reauthStarted } from './reauth.ts';
import { accountStored, invitationChecked, registrationAnswered } from './registration.ts';
import type { Turn } from './turn.ts';

export interface SessionStep {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/** A link that was just accepted: it says hello in time, or ends. */
export function openSession(setup: SessionSetup): SessionStep {
  const { openedAtMs } = setup;
  const state: SessionState = {
    setup,
    phase: { at: 'greeting' },
    heardAtMs: openedAtMs,
    deadlineMs: openedAtMs + HANDSHAKE_TIMEOUT_MS,
  };
  return { state, effects: [{ type: 'schedule', delayMs: HANDSHAKE_TIMEOUT_MS }] };
}

/** `now` is monotonic: only differences count. The state changes in place. */
export function stepSession(state: SessionState, msg: SessionMsg, now: number): SessionStep {
  const turn: Turn = { state, now, effects: [] };
  handle(turn, msg);
  return turn;
}

type Handlers = {
  readonly [T in SessionMsg['type']]: (turn: Turn, msg: MessageNamed<T>) => void;
};

const HANDLERS: Handlers = {
  batch: handleBatch,
  push: (turn, { push }) => pushed(turn, push),
  badFrame: (turn, { text }) => refuseFrame(turn, text),
  tick,
  missed: (turn, { head }) => moveWindow(turn, (window) => noteHead(window, head)),
  missedGroup: (turn, missed) => pushed(turn, { ...missed, type: 'groupHead' }),
  subscribed,
  congested: (turn) => moveWritable(turn, false),
  writable: (turn) => moveWritable(turn, true),
  moved: shardMoved,
  leave: (turn, { gate, afterMs }) => leave(turn, gate, afterMs),
  linkClosed: (turn) => closeSession(turn, 'closed by the client'),

  answered: handleAnswer,
  admitted: (turn, { waitMs }) => admitted(turn, waitMs),
  invitationChecked: (turn, { outcome }) => invitationChecked(turn, outcome),
  ticketUsed: (turn, { outcome }) => ticketUsed(turn, outcome),
  proofVerified: (turn, { valid }) => proofVerified(turn, valid),
  placed: (turn, { gate }) => placed(turn, gate),
  // The rest serve logins before, and password changes and redirects after the session is attached.
  registrationAnswered: (turn, { outcome }) =>
    isAttached(turn) ? reauthAnswered(turn, outcome) : registrationAnswered(turn, outcome),
  loginStarted: (turn, { outcome }) =>
    isAttached(turn) ? reauthStarted(turn, outcome) : loginStarted(turn, outcome),
  loginFinished: (turn, { success }) =>
    isAttached(turn) ? reauthChecked(turn, success) : passwordChecked(turn, success),
  ticketSigned: (turn, { redirect }) =>
    isAttached(turn) ? pushGoAway(turn, 0, redirect) : redirectLogin(turn, redirect),
};

function handle(turn: Turn, msg: SessionMsg): void {
  // The table pairs each name with its own message, which the compiler checks above and cannot follow here.
  const handler = HANDLERS[msg.type] as (turn: Turn, msg: SessionMsg) => void;
  handler(turn, msg);
}

function isAttached({ state }: Turn): boolean {
  return state.phase.at === 'attached';
}

function handleBatch(turn: Turn, { items }: MessageNamed<'batch'>): void {
  turn.state.heardAtMs = turn.now;
  for (const item of items) handleItem(turn, item);
}

function handleItem(turn: Turn, item: ClientItem): void {
  const { phase } = turn.state;
  if (phase.at === 'closed') return;
  if (phase.at === 'greeting') return greet(turn, item);
  if (phase.at === 'attached') return handleAttached(turn, phase, item);
  handleBeforeLogin(turn, item);
}

function moveWindow(turn: Turn, move: (window: PushWindow) => readonly Push[]): void {
  const { phase } = turn.state;
  if (phase.at === 'attached') emitPushes(turn, move(phase.window));
}

function moveWritable(turn: Turn, writable: boolean): void {
  const { phase } = turn.state;
  if (phase.at !== 'attached') return;
  emitPushes(turn, setWritable(phase.window, writable));
  if (phase.groups !== undefined) emitPushes(turn, setGroupsWritable(phase.groups, writable));
}

function handleAnswer(turn: Turn, msg: Answered): void {
  switch (msg.call) {
    case 'register':
      return accountStored(turn, msg.outcome);
    case 'loginRecord':
      return isAttached(turn) ? reauthRecordRead(turn, msg.outcome) : recordRead(turn, msg.outcome);
    case 'addDevice':
      return deviceAdded(turn, msg.outcome);
    case 'deviceKey':
      return deviceKeyRead(turn, msg.outcome);
    case 'attach':
      return attached(turn, msg.outcome);
    case 'head':
      return headRead(turn, msg.id, msg.outcome);
    default:
      return assertNever(msg);
  }
}

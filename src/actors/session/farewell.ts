/** How a session ends, from whatever phase: others are told what they would otherwise wait for. */
import type { Push } from '../../protocol/client-calls.ts';
import type { UserId } from '../../protocol/ids.ts';
import type { SessionRef } from '../../protocol/user-calls.ts';
import type { SessionEffect, TicketHolder } from './messages.ts';
import type { SessionState } from './phases.ts';
import { emit } from './turn.ts';
import type { Turn } from './turn.ts';

function failedLogin(user: UserId): SessionEffect {
  return { type: 'tell', to: user, request: { type: 'loginResult', success: false } };
}

/** A challenge that the client has seen and does not finish is a failed login. */
export function abandonChallenge(turn: Turn): void {
  const { phase } = turn.state;
  if (phase.at === 'authenticating') emit(turn, failedLogin(phase.user));
}

function detach({ user, device }: TicketHolder, session: SessionRef): SessionEffect {
  return { type: 'tell', to: user, request: { type: 'detach', device, session } };
}

/** The user whose password this session has a challenge for, if that is not settled. */
function challenged({ phase }: SessionState): UserId | undefined {
  if (phase.at === 'authenticating') return phase.user;
  if (phase.at === 'working' && phase.job.doing === 'checking password') return phase.job.user;
  if (phase.at !== 'attached') return undefined;
  const { at } = phase.reauth;
  return at === 'challenged' || at === 'checking' ? phase.user : undefined;
}

/** Who is attached, or may be: an attachment on its way is undone whether it was made or not. */
function holderOf({ phase }: SessionState): TicketHolder | undefined {
  if (phase.at === 'placing' && phase.step === 'attaching') return phase.login;
  return phase.at === 'attached' ? phase : undefined;
}

/** What the rest of the cluster is owed when this session ends now. */
export function farewell(state: SessionState): readonly SessionEffect[] {
  const user = challenged(state);
  const holder = holderOf(state);
  return [
    ...(user === undefined ? [] : [failedLogin(user)]),
    ...(holder === undefined ? [] : [detach(holder, state.setup.session)]),
  ];
}

/** Ends the session; what was answered before is still written. */
export function closeSession(turn: Turn, reason: string): void {
  if (turn.state.phase.at === 'closed') return;
  for (const effect of farewell(turn.state)) emit(turn, effect);
  turn.state.phase = { at: 'closed' };
  emit(turn, { type: 'close', reason });
}

type GoAway = Extract<Push, { type: 'goAway' }>;

/** Tells the client why, then ends the session. */
export function sendAway(turn: Turn, reason: GoAway['reason'], afterMs = 0): void {
  const push: GoAway = { type: 'goAway', reason, afterMs, redirect: undefined };
  emit(turn, { type: 'push', push });
  closeSession(turn, reason);
}

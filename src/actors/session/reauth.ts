/** Password change: the session proves the present password once more, and sets the new one right after. */
import type { Outcome } from '../../protocol/calls.ts';
import { REAUTH_VALID_MS } from '../../protocol/limits.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { LoginChallenge, RequestNamed } from './messages.ts';
import type { Attached, Reauth } from './phases.ts';
import { NOT_YOU, PASSWORD_FIRST, outOfOrder, refusalOf } from './refusals.ts';
import { count, emit, refuse } from './turn.ts';
import type { Turn } from './turn.ts';

const NO_REAUTH: Reauth = { at: 'none' };

/** The stage of a password change if it is this one; undefined: a fact that comes too late. */
function stage<A extends Reauth['at']>(
  turn: Turn,
  at: A,
): { readonly phase: Attached; readonly reauth: Extract<Reauth, { at: A }> } | undefined {
  const { phase } = turn.state;
  if (phase.at !== 'attached' || phase.reauth.at !== at) return undefined;
  return { phase, reauth: phase.reauth as Extract<Reauth, { at: A }> };
}

function tellResult(turn: Turn, { user }: Attached, success: boolean): void {
  emit(turn, { type: 'tell', to: user, request: { type: 'loginResult', success } });
}

function isBusy({ reauth }: Attached): boolean {
  const { at } = reauth;
  return at === 'reading record' || at === 'starting' || at === 'checking' || at === 'answering';
}

export function startReauth(
  turn: Turn,
  phase: Attached,
  id: number,
  { request }: RequestNamed<'reauthStart'>,
): void {
  if (isBusy(phase)) return refuse(turn, id, outOfOrder('one password change at a time'));
  // A challenge that is given up counts as a failed login: see `login.ts`.
  if (phase.reauth.at === 'challenged') tellResult(turn, phase, false);
  phase.reauth = { at: 'reading record', id, request };
  emit(turn, { type: 'ask', id, to: phase.user, request: { type: 'loginRecord' } });
}

export function reauthRecordRead(turn: Turn, outcome: Outcome<UserReply<'loginRecord'>>): void {
  const at = stage(turn, 'reading record');
  if (at === undefined) return;
  const { phase, reauth } = at;
  if (!outcome.ok) {
    phase.reauth = NO_REAUTH;
    return refuse(turn, reauth.id, refusalOf(outcome.error));
  }
  const { record } = outcome.value;
  phase.reauth = { at: 'starting', id: reauth.id, record };
  emit(turn, { type: 'startLogin', user: phase.user, record, request: reauth.request });
}

export function reauthStarted(turn: Turn, outcome: Outcome<LoginChallenge>): void {
  const at = stage(turn, 'starting');
  if (at === undefined) return;
  const { phase, reauth } = at;
  if (!outcome.ok) {
    phase.reauth = NO_REAUTH;
    return refuse(turn, reauth.id, refusalOf(outcome.error));
  }
  const { response, secret } = outcome.value;
  phase.reauth = { at: 'challenged', secret, record: reauth.record };
  emit(turn, { type: 'reply', id: reauth.id, call: 'reauthStart', reply: { response } });
}

export function finishReauth(
  turn: Turn,
  phase: Attached,
  id: number,
  { finish, request }: RequestNamed<'reauthFinish'>,
): void {
  const { reauth } = phase;
  if (reauth.at !== 'challenged')
    return refuse(turn, id, outOfOrder('reauthFinish follows reauthStart'));
  phase.reauth = { at: 'checking', id, request, record: reauth.record };
  emit(turn, { type: 'finishLogin', secret: reauth.secret, finish });
}

export function reauthChecked(turn: Turn, success: boolean): void {
  const at = stage(turn, 'checking');
  if (at === undefined) return;
  const { phase, reauth } = at;
  tellResult(turn, phase, success);
  if (!success) {
    phase.reauth = NO_REAUTH;
    count(turn, 'passwordsRefused');
    return refuse(turn, reauth.id, NOT_YOU);
  }
  const proven = { untilMs: turn.now + REAUTH_VALID_MS, record: reauth.record };
  phase.reauth = { at: 'answering', id: reauth.id, proven };
  emit(turn, { type: 'answerRegistration', user: phase.user, request: reauth.request });
}

export function reauthAnswered(turn: Turn, outcome: Outcome<Uint8Array>): void {
  const at = stage(turn, 'answering');
  if (at === undefined) return;
  const { phase, reauth } = at;
  if (!outcome.ok) {
    phase.reauth = NO_REAUTH;
    return refuse(turn, reauth.id, refusalOf(outcome.error));
  }
  phase.reauth = { at: 'proven', proven: reauth.proven };
  const reply = { response: outcome.value };
  emit(turn, { type: 'reply', id: reauth.id, call: 'reauthFinish', reply });
}

/** One proof is good for one change, and for that of the password that was proven. */
export function changePassword(
  turn: Turn,
  phase: Attached,
  id: number,
  request: RequestNamed<'changePassword'>,
): void {
  const { reauth } = phase;
  if (reauth.at !== 'proven') return refuse(turn, id, PASSWORD_FIRST);
  const { untilMs, record: proven } = reauth.proven;
  if (turn.now > untilMs || proven === undefined) return refuse(turn, id, PASSWORD_FIRST);
  phase.reauth = NO_REAUTH;
  emit(turn, { type: 'forward', id, to: phase.user, request: { ...request, proven } });
}

/** Making an account: the client's record goes to the user actor, which decides whether the name is free. */
import type { Outcome } from '../../protocol/calls.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { RequestNamed } from './messages.ts';
import { awaitClient, count, emit, failAttempt, jobNamed, refuseAttempt, work } from './turn.ts';
import type { Turn } from './turn.ts';
import { refusalOf } from './refusals.ts';

export function answerRegistration(
  turn: Turn,
  id: number,
  { user, request }: RequestNamed<'registerStart'>,
): void {
  work(turn, id, { doing: 'answering registration', user });
  emit(turn, { type: 'answerRegistration', user, request });
}

export function registrationAnswered(turn: Turn, outcome: Outcome<Uint8Array>): void {
  const job = jobNamed(turn, 'answering registration');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  const reply = { response: outcome.value };
  emit(turn, { type: 'reply', id: job.callId, call: 'registerStart', reply });
  awaitClient(turn, { at: 'registering', user: job.user });
}

/** Checked here and not at the start, so that nobody stretches a password before the operator's rule is known. */
export function finishRegistration(
  turn: Turn,
  id: number,
  request: RequestNamed<'registerFinish'>,
): void {
  if (turn.state.setup.registration === 'open') return storeAccount(turn, id, request);
  work(turn, id, { doing: 'checking invitation', request });
  const { user, invitation } = request;
  emit(turn, { type: 'checkInvitation', user, invitation });
}

export function invitationChecked(turn: Turn, outcome: Outcome<void>): void {
  const job = jobNamed(turn, 'checking invitation');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  storeAccount(turn, job.callId, job.request);
}

function storeAccount(turn: Turn, id: number, request: RequestNamed<'registerFinish'>): void {
  const { user, record, identity, box, vault, device } = request;
  work(turn, id, { doing: 'storing account', user });
  const account = { type: 'register', record, identity, box, vault, device } as const;
  emit(turn, { type: 'ask', id, to: user, request: account });
}

/** The account and its first device exist; the client logs in with it next. */
export function accountStored(turn: Turn, outcome: Outcome<UserReply<'register'>>): void {
  const job = jobNamed(turn, 'storing account');
  if (job === undefined) return;
  // That a name is taken is told: whoever registers must learn it.
  if (!outcome.ok) return refuseAttempt(turn, job.callId, refusalOf(outcome.error));
  count(turn, 'registrations');
  // It was no guess at somebody's password.
  emit(turn, { type: 'tell', to: job.user, request: { type: 'loginResult', success: true } });
  emit(turn, { type: 'reply', id: job.callId, call: 'registerFinish', reply: outcome.value });
  awaitClient(turn, { at: 'anonymous' });
}

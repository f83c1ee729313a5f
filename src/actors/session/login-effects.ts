/** The effects of a login that are done at once: each comes to one fact for the session. */
import type { PasswordServer } from '../../crypto/password-auth.ts';
import { fail, succeed } from '../../protocol/calls.ts';
import type { Outcome } from '../../protocol/calls.ts';
import { asFastChatError, invariant } from '../../protocol/errors.ts';
import type { Credentials } from './credentials.ts';
import type { EffectNamed, SessionMsg } from './messages.ts';

/** What logins are checked with. */
export interface LoginPorts {
  readonly passwords: PasswordServer;
  readonly credentials: Credentials;
  /** Draws on the budget of a source: 0, or how many milliseconds to wait. */
  readonly admit: (source: string, attempt: 'login' | 'registration') => number;
}

/** The link that a login comes by. */
export interface LoginLink {
  readonly source: string;
  /** Undefined before hello and after the login. */
  readonly nonce: Uint8Array | undefined;
}

/** What clients send is refused by a throw; a session wants it as an outcome. */
function attempt<T>(work: () => T): Outcome<T> {
  try {
    return succeed(work());
  } catch (cause) {
    return fail(asFastChatError(cause));
  }
}

export function admit(
  { attempt: kind }: EffectNamed<'admit'>,
  ports: LoginPorts,
  { source }: LoginLink,
): SessionMsg {
  return { type: 'admitted', waitMs: ports.admit(source, kind) };
}

export function answerRegistration(
  { user, request }: EffectNamed<'answerRegistration'>,
  { passwords }: LoginPorts,
): SessionMsg {
  const outcome = attempt(() => passwords.registrationResponse(user, request));
  return { type: 'registrationAnswered', outcome };
}

export function checkInvitation(
  { user, invitation }: EffectNamed<'checkInvitation'>,
  { credentials }: LoginPorts,
): SessionMsg {
  const outcome = attempt(() => credentials.checkInvitation(user, invitation));
  return { type: 'invitationChecked', outcome };
}

export function startLogin(
  { user, record, request }: EffectNamed<'startLogin'>,
  { passwords }: LoginPorts,
): SessionMsg {
  const outcome = attempt(() => {
    const { response, state } = passwords.startLogin(user, record, request);
    return { response, secret: state };
  });
  return { type: 'loginStarted', outcome };
}

export function finishLogin(
  { secret, finish }: EffectNamed<'finishLogin'>,
  { passwords }: LoginPorts,
): SessionMsg {
  return { type: 'loginFinished', success: passwords.finishLogin(secret, finish) };
}

export function useTicket(
  { ticket }: EffectNamed<'useTicket'>,
  { credentials }: LoginPorts,
): SessionMsg {
  return { type: 'ticketUsed', outcome: attempt(() => credentials.useTicket(ticket)) };
}

export function verifyProof(
  { holder, ...proof }: EffectNamed<'verifyProof'>,
  { credentials }: LoginPorts,
  { nonce }: LoginLink,
): SessionMsg {
  invariant(nonce !== undefined, 'proofs come after hello and before the login');
  return { type: 'proofVerified', valid: credentials.verifyProof(nonce, holder, proof) };
}

export function signTicket(
  { holder, gate }: EffectNamed<'signTicket'>,
  { credentials }: LoginPorts,
): SessionMsg {
  return { type: 'ticketSigned', redirect: credentials.signTicket(holder, gate) };
}

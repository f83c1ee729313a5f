/** One step under way: the state it changes, and the effects it has gathered. */
import { invariant } from '../../protocol/errors.ts';
import type { ErrorCode, FastChatError } from '../../protocol/errors.ts';
import { LOGIN_TIMEOUT_MS, UNAUTHENTICATED_LIFE_MS } from '../../protocol/limits.ts';
import type { Refusal, SessionCount, SessionEffect } from './messages.ts';
import type { Job, Phase, SessionState } from './phases.ts';
import { NOT_YOU, loginRefusalOf } from './refusals.ts';

export interface Turn {
  readonly state: SessionState;
  readonly now: number;
  readonly effects: SessionEffect[];
}

export function emit(turn: Turn, effect: SessionEffect): void {
  turn.effects.push(effect);
}

export function count(turn: Turn, what: SessionCount): void {
  turn.effects.push({ type: 'count', what });
}

/** The budget that a session in this phase draws on. */
function budgetOf({ phase }: SessionState): SessionCount {
  if (phase.at === 'attached') return 'requestsLimited';
  const isRegistering =
    phase.at === 'working' && 'request' in phase.job && phase.job.request.type === 'registerStart';
  return isRegistering ? 'registrationsLimited' : 'loginsLimited';
}

/** Refuses one call; a caller that wants no answer gets none. */
export function refuse(turn: Turn, id: number, refusal: Refusal): void {
  if (refusal.code === 'E_RATE_LIMITED') count(turn, budgetOf(turn.state));
  if (id !== 0) emit(turn, { type: 'refuse', id, refusal });
}

/** Goes on with call `id` at the node. */
export function work(turn: Turn, id: number, job: Job): void {
  turn.state.phase = { at: 'working', id, job };
}

/** The job under way if it is this one; undefined: its fact comes too late, the link has closed meanwhile. */
export function jobNamed<D extends Job['doing']>(
  turn: Turn,
  doing: D,
): (Extract<Job, { doing: D }> & { readonly callId: number }) | undefined {
  const { phase } = turn.state;
  if (phase.at === 'closed') return undefined;
  invariant(phase.at === 'working' && phase.job.doing === doing, `the session is ${doing}`);
  return { ...(phase.job as Extract<Job, { doing: D }>), callId: phase.id };
}

/** The client's turn before login: it has a while for the next step, within the life of a link without login. */
export function awaitClient(turn: Turn, phase: Phase): void {
  const { state, now } = turn;
  state.phase = phase;
  state.deadlineMs = Math.min(
    now + LOGIN_TIMEOUT_MS,
    state.setup.openedAtMs + UNAUTHENTICATED_LIFE_MS,
  );
}

/** Ends an attempt: the client may make another one on this link. */
export function refuseAttempt(turn: Turn, id: number, refusal: Refusal): void {
  refuse(turn, id, refusal);
  awaitClient(turn, { at: 'anonymous' });
}

type FailedProof = 'passwordsRefused' | 'proofsRefused';

/** Ends an attempt of somebody who did not show who they are; only the operator learns by what. */
export function refuseProof(turn: Turn, id: number, what: FailedProof): void {
  count(turn, 'loginsRefused');
  count(turn, what);
  refuseAttempt(turn, id, NOT_YOU);
}

/** Errors of other parts by which a login is refused for good, and not because the node cannot do it now. */
const REFUSED: { readonly [code in ErrorCode]?: SessionCount } = {
  // The password was changed while the login was under way.
  E_AUTH: 'passwordsRefused',
  E_NO_SUCH_USER: 'proofsRefused',
  E_NO_SUCH_DEVICE: 'proofsRefused',
  E_STORE_CLONED: 'clonesRefused',
  E_TICKET_EXPIRED: 'ticketsExpired',
  E_TICKET_FORGED: 'ticketsForged',
  E_TICKET_REPLAYED: 'ticketsReplayed',
  E_TICKET_NODE: 'ticketsElsewhere',
};

/** Ends an attempt that another part refused. */
export function failAttempt(turn: Turn, id: number, error: FastChatError): void {
  const what = REFUSED[error.code];
  if (what !== undefined) {
    count(turn, 'loginsRefused');
    count(turn, what);
  }
  refuseAttempt(turn, id, loginRefusalOf(error));
}

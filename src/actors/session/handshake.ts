/** Everything before a session is attached: hello first, then one attempt after the other. */
import { assertNever } from '../../protocol/errors.ts';
import { PROTOCOL_VERSION } from '../../protocol/limits.ts';
import { closeSession, abandonChallenge } from './farewell.ts';
import { answerProbe, handlerOf } from './handlers.ts';
import type { CallHandlers } from './handlers.ts';
import { finishPassword, readRecord } from './login.ts';
import type { ClientItem, RequestNamed } from './messages.ts';
import type { AttemptRequest, Phase } from './phases.ts';
import { readDeviceKey, useTicket } from './proof.ts';
import {
  NOT_LOGGED_IN,
  REGISTRATION_CLOSED,
  WRONG_VERSION,
  outOfOrder,
  tooFast,
} from './refusals.ts';
import { finishRegistration } from './registration.ts';
import { awaitClient, count, emit, jobNamed, refuse, refuseAttempt, work } from './turn.ts';
import type { Turn } from './turn.ts';

/** The first call on a link. */
export function greet(turn: Turn, { id, request }: ClientItem): void {
  if (request.type !== 'hello') return refuse(turn, id, outOfOrder('hello comes first'));
  if (request.versionMin > PROTOCOL_VERSION || request.versionMax < PROTOCOL_VERSION) {
    refuse(turn, id, WRONG_VERSION);
    return closeSession(turn, 'no common version');
  }
  awaitClient(turn, { at: 'anonymous' });
  emit(turn, { type: 'greet', id, version: PROTOCOL_VERSION });
}

const HANDLERS: CallHandlers<Phase> = {
  probe: answerProbe,
  hello: (turn, _, id) => refuse(turn, id, outOfOrder('hello comes once')),
  registerStart: beginAttempt,
  loginStart: beginAttempt,
  deviceLogin: beginAttempt,
  ticketLogin: beginAttempt,
  registerFinish: endRegistration,
  loginFinish: endPasswordLogin,
};

/** A call after hello and before the session is attached. */
export function handleBeforeLogin(turn: Turn, { id, request }: ClientItem): void {
  const handler = handlerOf(HANDLERS, request);
  if (handler === undefined) return refuse(turn, id, NOT_LOGGED_IN);
  handler(turn, turn.state.phase, id, request);
}

function isBusy({ at }: Phase): boolean {
  return at === 'working' || at === 'placing';
}

/** A new attempt gives up the one before. */
function beginAttempt(turn: Turn, phase: Phase, id: number, request: AttemptRequest): void {
  if (isBusy(phase)) return refuse(turn, id, outOfOrder('one attempt at a time'));
  abandonChallenge(turn);
  if (request.type === 'registerStart' && turn.state.setup.registration === 'closed')
    return refuseAttempt(turn, id, REGISTRATION_CLOSED);
  work(turn, id, { doing: 'admitting', request });
  const attempt = request.type === 'registerStart' ? 'registration' : 'login';
  emit(turn, { type: 'admit', attempt });
}

/** The source's budget has answered. */
export function admitted(turn: Turn, waitMs: number): void {
  const job = jobNamed(turn, 'admitting');
  if (job === undefined) return;
  const { callId, request } = job;
  if (waitMs > 0) return refuseAttempt(turn, callId, tooFast('attempts from your address', waitMs));
  switch (request.type) {
    // The answer to a registration tells what OPAQUE makes of one password, and with one challenge of the same user a
    // client can check that guess: it costs what a login costs, whoever the name belongs to.
    case 'registerStart':
    case 'loginStart':
      return readRecord(turn, callId, request);
    case 'deviceLogin': {
      const { user, proof, replacement } = request;
      return readDeviceKey(turn, callId, { user, proof, replacement, where: 'anywhere' });
    }
    case 'ticketLogin':
      return useTicket(turn, callId, request);
    default:
      return assertNever(request);
  }
}

function endRegistration(
  turn: Turn,
  phase: Phase,
  id: number,
  request: RequestNamed<'registerFinish'>,
): void {
  if (phase.at !== 'registering' || phase.user !== request.user)
    return refuse(turn, id, outOfOrder('registerFinish follows registerStart of the same user'));
  finishRegistration(turn, id, request);
}

function endPasswordLogin(
  turn: Turn,
  phase: Phase,
  id: number,
  request: RequestNamed<'loginFinish'>,
): void {
  if (phase.at !== 'authenticating')
    return refuse(turn, id, outOfOrder('loginFinish follows loginStart'));
  if ((request.newDevice === undefined) === (request.proof === undefined))
    return refuse(turn, id, outOfOrder('loginFinish names a new device or proves an old one'));
  const { user, secret, record } = phase;
  finishPassword(turn, id, { user, secret, record, request });
}

/** The client sent something that is no frame: it is told so, for what it is worth, and the link ends. */
export function refuseFrame(turn: Turn, text: string): void {
  count(turn, 'badFrames');
  emit(turn, { type: 'refuse', id: 0, refusal: { code: 'E_BAD_FRAME', text } });
  closeSession(turn, 'bad frame');
}

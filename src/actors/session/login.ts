/**
 * Password login. Every challenge that a client has seen ends in exactly one `loginResult`: with OPAQUE a client can
 * check one guess against the challenge alone, so a challenge that is never finished is a failed login.
 */
import type { Outcome } from '../../protocol/calls.ts';
import { invariant } from '../../protocol/errors.ts';
import type { DeviceId, UserId } from '../../protocol/ids.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { LoginRecord } from './phases.ts';
import type { LoginChallenge, RequestNamed } from './messages.ts';
import { placeLogin } from './placing.ts';
import { readDeviceKey } from './proof.ts';
import { answerRegistration } from './registration.ts';
import { awaitClient, emit, failAttempt, jobNamed, refuseProof, work } from './turn.ts';
import type { Turn } from './turn.ts';

/** Draws on the user's budget of attempts, and reads the record that logins need. */
export function readRecord(
  turn: Turn,
  id: number,
  request: RequestNamed<'loginStart' | 'registerStart'>,
): void {
  work(turn, id, { doing: 'reading record', request });
  emit(turn, { type: 'ask', id, to: request.user, request: { type: 'loginRecord' } });
}

/** No record means no such user: the challenge is made all the same, and looks it. */
export function recordRead(turn: Turn, outcome: Outcome<UserReply<'loginRecord'>>): void {
  const job = jobNamed(turn, 'reading record');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  if (job.request.type === 'registerStart')
    return answerRegistration(turn, job.callId, job.request);
  const { user, request } = job.request;
  const { record } = outcome.value;
  work(turn, job.callId, { doing: 'starting login', user, record });
  emit(turn, { type: 'startLogin', user, record, request });
}

export function loginStarted(turn: Turn, outcome: Outcome<LoginChallenge>): void {
  const job = jobNamed(turn, 'starting login');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  const { response, secret } = outcome.value;
  emit(turn, { type: 'reply', id: job.callId, call: 'loginStart', reply: { response } });
  const { user, record } = job;
  awaitClient(turn, { at: 'authenticating', user, secret, record });
}

interface PasswordFinish {
  readonly user: UserId;
  readonly secret: Uint8Array;
  readonly record: LoginRecord;
  readonly request: RequestNamed<'loginFinish'>;
}

export function finishPassword(
  turn: Turn,
  id: number,
  { user, secret, record, request }: PasswordFinish,
): void {
  work(turn, id, { doing: 'checking password', user, record, request });
  emit(turn, { type: 'finishLogin', secret, finish: request.finish });
}

export function passwordChecked(turn: Turn, success: boolean): void {
  const job = jobNamed(turn, 'checking password');
  if (job === undefined) return;
  const { callId, user, record } = job;
  emit(turn, { type: 'tell', to: user, request: { type: 'loginResult', success } });
  if (!success) return refuseProof(turn, callId, 'passwordsRefused');
  const { newDevice, proof } = job.request;
  if (newDevice !== undefined) {
    work(turn, callId, { doing: 'adding device', user, token: newDevice.token });
    const request = { type: 'addDevice', ...newDevice, record } as const;
    return emit(turn, { type: 'ask', id: callId, to: user, request });
  }
  invariant(proof !== undefined, 'loginFinish names a new device or proves an old one');
  readDeviceKey(turn, callId, { user, proof, replacement: undefined, where: 'anywhere' });
}

/** A device that was just registered presents the token it was registered with. */
export function deviceAdded(turn: Turn, outcome: Outcome<{ readonly device: DeviceId }>): void {
  const job = jobNamed(turn, 'adding device');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  const { user, token, callId } = job;
  const tokens = { previous: token, next: token };
  placeLogin(turn, callId, { user, device: outcome.value.device, tokens });
}

/** Login without the password: a device signs what is worth something on this link only, with or without a ticket. */
import type { Outcome } from '../../protocol/calls.ts';
import type { UserReply } from '../../protocol/user-calls.ts';
import type { RequestNamed, TicketHolder } from './messages.ts';
import type { ProofCheck } from './phases.ts';
import { attachLogin, placeLogin } from './placing.ts';
import { count, emit, failAttempt, jobNamed, refuseProof, work } from './turn.ts';
import type { Turn } from './turn.ts';

/** The ticket is used up here, whatever becomes of this login. */
export function useTicket(turn: Turn, id: number, request: RequestNamed<'ticketLogin'>): void {
  work(turn, id, { doing: 'reading ticket', request });
  emit(turn, { type: 'useTicket', ticket: request.ticket });
}

export function ticketUsed(turn: Turn, outcome: Outcome<TicketHolder>): void {
  const job = jobNamed(turn, 'reading ticket');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  count(turn, 'ticketsAccepted');
  const { user, device } = outcome.value;
  const { proof } = job.request;
  // A ticket is for one device: another one cannot ride on it.
  if (proof.device !== device) return refuseProof(turn, job.callId, 'proofsRefused');
  readDeviceKey(turn, job.callId, { user, proof, replacement: undefined, where: 'here' });
}

export function readDeviceKey(turn: Turn, id: number, check: ProofCheck): void {
  work(turn, id, { doing: 'reading key', ...check });
  const request = { type: 'deviceKey', device: check.proof.device } as const;
  emit(turn, { type: 'ask', id, to: check.user, request });
}

/** A device that is unknown or revoked has no key: its proof is checked all the same, and never valid. */
export function deviceKeyRead(turn: Turn, outcome: Outcome<UserReply<'deviceKey'>>): void {
  const job = jobNamed(turn, 'reading key');
  if (job === undefined) return;
  if (!outcome.ok) return failAttempt(turn, job.callId, outcome.error);
  const { callId, user, proof, replacement, where } = job;
  work(turn, callId, { doing: 'checking proof', user, proof, replacement, where });
  const holder = { user, device: proof.device };
  const { publicKey } = outcome.value;
  emit(turn, { type: 'verifyProof', holder, signature: proof.signature, publicKey });
}

export function proofVerified(turn: Turn, valid: boolean): void {
  const job = jobNamed(turn, 'checking proof');
  if (job === undefined) return;
  const { callId, user, proof, replacement, where } = job;
  if (!valid) return refuseProof(turn, callId, 'proofsRefused');
  if (replacement !== undefined) {
    work(turn, callId, { doing: 'adding device', user, token: replacement.token });
    // The proven device stays: if the answer is lost, its proof and the same key are good for another try.
    const request = { type: 'addDevice', ...replacement, record: undefined } as const;
    return emit(turn, { type: 'ask', id: callId, to: user, request });
  }
  const login = { user, device: proof.device, tokens: proof.tokens };
  if (where === 'here') attachLogin(turn, callId, login);
  else placeLogin(turn, callId, login);
}

/** The two client steps of OPAQUE that stretch the password: they block for as long as Argon2 takes. */
import { client } from '@serenity-kit/opaque';
import { FastChatError } from '../../protocol/errors.ts';
import { fromBase64url, toBase64url } from '../base64url.ts';
import { OPAQUE_IDENTIFIERS } from '../opaque-sizes.ts';
import type { Stretching } from '../password-auth.ts';

/** What both steps need. */
export interface StepInput {
  readonly password: string;
  /** What the start step gave. */
  readonly state: string;
  readonly response: Uint8Array;
  readonly stretching: Stretching;
}

/** The message that goes to the server and the key that stays. */
export interface StepOutput {
  readonly message: Uint8Array;
  readonly exportKey: Uint8Array;
}

export type StepName = 'finishRegistration' | 'finishLogin';

/** RFC 9106, the second recommended option: 64 MiB, 3 passes, 4 lanes; about 0.25 s. Written out, so that no update of a library changes it. */
const STANDARD = { 'argon2id-custom': { memory: 65_536, iterations: 3, parallelism: 4 } };
/** The least that Argon2 takes. */
const WEAK = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } };

/** The same text however a keyboard composes its accents. */
export function normalPassword(password: string): string {
  return password.normalize('NFC');
}

/**
 * Runs a step; the library must be ready. `undefined`: wrong password or unknown user (`finishLogin` only).
 * @throws E_BAD_FRAME when the server's answer is malformed
 */
export function runStep(name: StepName, input: StepInput): StepOutput | undefined {
  try {
    return name === 'finishLogin' ? finishLogin(input) : finishRegistration(input);
  } catch (cause) {
    throw new FastChatError('E_BAD_FRAME', 'the server answered no OPAQUE message', { cause });
  }
}

function common(input: StepInput) {
  return {
    password: normalPassword(input.password),
    identifiers: OPAQUE_IDENTIFIERS,
    keyStretching: input.stretching === 'weak' ? WEAK : STANDARD,
  };
}

function finishRegistration(input: StepInput): StepOutput {
  const { registrationRecord, exportKey } = client.finishRegistration({
    ...common(input),
    clientRegistrationState: input.state,
    registrationResponse: toBase64url(input.response),
  });
  return { message: fromBase64url(registrationRecord), exportKey: fromBase64url(exportKey) };
}

function finishLogin(input: StepInput): StepOutput | undefined {
  const result = client.finishLogin({
    ...common(input),
    clientLoginState: input.state,
    loginResponse: toBase64url(input.response),
  });
  if (result === undefined) return undefined;
  const { finishLoginRequest, exportKey } = result;
  return { message: fromBase64url(finishLoginRequest), exportKey: fromBase64url(exportKey) };
}

/** The node's half of OPAQUE over `@serenity-kit/opaque`. It never sees a password or anything that opens a vault. */
import { ready, server } from '@serenity-kit/opaque';
import { FastChatError } from '../protocol/errors.ts';
import { fromBase64url, toBase64url } from './base64url.ts';
import {
  LOGIN_FINISH_BYTES,
  LOGIN_REQUEST_BYTES,
  OPAQUE_IDENTIFIERS,
  RECORD_BYTES,
  REGISTRATION_REQUEST_BYTES,
} from './opaque-sizes.ts';
import type { PasswordServer } from './password-auth.ts';

/** The cluster's OPAQUE secrets as text; who has them and the store can guess passwords offline. Kept with the cluster's keys. */
export async function createPasswordServerSetup(): Promise<string> {
  await ready;
  return server.createSetup();
}

/** @throws E_CONFIG when `setup` is not what `createPasswordServerSetup` gave. */
export async function createPasswordServer(setup: string): Promise<PasswordServer> {
  await ready;
  try {
    server.getPublicKey(setup);
  } catch (cause) {
    throw new FastChatError('E_CONFIG', 'the OPAQUE set-up of the cluster is damaged', { cause });
  }
  return {
    registrationResponse: (user, request) => registrationResponse(setup, user, request),
    startLogin: (user, record, request) => startLogin(setup, user, { record, request }),
    finishLogin,
  };
}

function registrationResponse(setup: string, user: string, request: Uint8Array): Uint8Array {
  expectBytes(request, REGISTRATION_REQUEST_BYTES);
  return refusing(() => {
    const { registrationResponse: response } = server.createRegistrationResponse({
      serverSetup: setup,
      userIdentifier: user,
      registrationRequest: toBase64url(request),
    });
    return fromBase64url(response);
  });
}

interface LoginStart {
  readonly record: Uint8Array | undefined;
  readonly request: Uint8Array;
}

function startLogin(
  setup: string,
  user: string,
  { record, request }: LoginStart,
): ReturnType<PasswordServer['startLogin']> {
  expectBytes(request, LOGIN_REQUEST_BYTES);
  const answer = (
    registrationRecord: string | undefined,
  ): ReturnType<PasswordServer['startLogin']> => {
    const { loginResponse, serverLoginState } = server.startLogin({
      serverSetup: setup,
      userIdentifier: user,
      registrationRecord,
      startLoginRequest: toBase64url(request),
      identifiers: OPAQUE_IDENTIFIERS,
    });
    return { response: fromBase64url(loginResponse), state: fromBase64url(serverLoginState) };
  };
  if (record?.length !== RECORD_BYTES) return refusing(() => answer(undefined));
  try {
    return answer(toBase64url(record));
  } catch {
    // The record came from a client: one that registered nonsense is answered like an unknown user. If the request
    // is the nonsense, the second try says so.
    return refusing(() => answer(undefined));
  }
}

function finishLogin(state: Uint8Array, finish: Uint8Array): boolean {
  if (finish.length !== LOGIN_FINISH_BYTES) return false;
  try {
    // No identifiers: the state carries what startLogin was given.
    server.finishLogin({
      serverLoginState: toBase64url(state),
      finishLoginRequest: toBase64url(finish),
    });
    return true;
  } catch {
    return false;
  }
}

function expectBytes(message: Uint8Array, length: number): void {
  if (message.length !== length)
    throw new FastChatError('E_BAD_FRAME', `expected an OPAQUE message of ${length} bytes`);
}

/** The library throws for what a client sent: that is a bad frame, not an error of ours. */
function refusing<T>(answer: () => T): T {
  try {
    return answer();
  } catch (cause) {
    throw new FastChatError('E_BAD_FRAME', 'not an OPAQUE message', { cause });
  }
}

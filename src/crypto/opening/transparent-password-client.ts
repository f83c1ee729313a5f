/** The simulated twin of the client's half of OPAQUE; see `transparent-password-server.ts`. */
import { FastChatError } from '../../protocol/errors.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { concat, utf8 } from '../bytes.ts';
import {
  EXPORT_KEY_BYTES,
  LOGIN_REQUEST_BYTES,
  LOGIN_RESPONSE_BYTES,
  RECORD_BYTES,
  REGISTRATION_REQUEST_BYTES,
  REGISTRATION_RESPONSE_BYTES,
} from '../opaque-sizes.ts';
import type { PasswordClient, Stretching } from '../password-auth.ts';
import { transparentHash } from '../transparent-hash.ts';
import { TRANSPARENT_FIELD_BYTES, transparentFinish } from '../transparent-password-server.ts';
import type { ByteSource } from '../transparent-suite.ts';

/** `cluster` and `registration` are the two salts: one from the set-up and the user, one fresh for every registration. */
function stretched(
  password: string,
  salts: { readonly cluster: Uint8Array; readonly registration: Uint8Array },
  stretching: Stretching,
): { readonly verifier: Uint8Array; readonly exportKey: Uint8Array } {
  const secret = utf8(`${stretching} ${password.normalize('NFC')}`);
  const parts = [secret, salts.cluster, salts.registration];
  return {
    verifier: transparentHash('verifier', parts, TRANSPARENT_FIELD_BYTES),
    exportKey: transparentHash('export key', parts, EXPORT_KEY_BYTES),
  };
}

function field(message: Uint8Array, index: number): Uint8Array {
  const start = index * TRANSPARENT_FIELD_BYTES;
  return message.subarray(start, start + TRANSPARENT_FIELD_BYTES);
}

function expectBytes(message: Uint8Array, length: number): void {
  if (message.length !== length)
    throw new FastChatError('E_BAD_FRAME', 'the server answered no login message');
}

function register(
  password: string,
  salts: { readonly cluster: Uint8Array; readonly registration: Uint8Array },
  stretching: Stretching,
): Awaited<ReturnType<PasswordClient['finishRegistration']>> {
  expectBytes(salts.cluster, REGISTRATION_RESPONSE_BYTES);
  const { verifier, exportKey } = stretched(password, salts, stretching);
  const record = new Uint8Array(RECORD_BYTES);
  record.set(concat(salts.registration, verifier));
  return { record, exportKey };
}

function logIn(
  password: string,
  response: Uint8Array,
  stretching: Stretching,
): Awaited<ReturnType<PasswordClient['finishLogin']>> {
  expectBytes(response, LOGIN_RESPONSE_BYTES);
  const salts = { cluster: field(response, 0), registration: field(response, 2) };
  const { verifier, exportKey } = stretched(password, salts, stretching);
  if (!sameBytes(verifier, field(response, 3))) return undefined;
  return { finish: transparentFinish(verifier, field(response, 1)), exportKey };
}

/** What `make` throws becomes a rejection, as with the real client. */
function settled<T>(make: () => T): Promise<T> {
  return new Promise((resolve) => resolve(make()));
}

/** The twin of `createPasswordClient`; has no thread and nothing to close. */
export function createTransparentPasswordClient(random: ByteSource): PasswordClient {
  return {
    startRegistration: () =>
      settled(() => ({ request: random.bytes(REGISTRATION_REQUEST_BYTES), state: '' })),
    finishRegistration: (password, _state, cluster, stretching) =>
      settled(() => {
        const registration = random.bytes(TRANSPARENT_FIELD_BYTES);
        return register(password, { cluster, registration }, stretching);
      }),
    startLogin: () => settled(() => ({ request: random.bytes(LOGIN_REQUEST_BYTES), state: '' })),
    finishLogin: (password, _state, response, stretching) =>
      settled(() => logIn(password, response, stretching)),
  };
}

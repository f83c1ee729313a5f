/**
 * The simulated twin of the node's half of OPAQUE: same messages, same sizes, same answers to right, wrong and unknown,
 * but a node that looked could learn the password. A record is (salt, verifier); a login answers (salt, challenge,
 * verifier), and the finish shows that the client made that verifier from the password.
 */
import { FastChatError } from '../protocol/errors.ts';
import { sameBytes } from '../protocol/same-bytes.ts';
import { concat, utf8 } from './bytes.ts';
import {
  LOGIN_FINISH_BYTES,
  LOGIN_REQUEST_BYTES,
  LOGIN_RESPONSE_BYTES,
  RECORD_BYTES,
  REGISTRATION_REQUEST_BYTES,
  REGISTRATION_RESPONSE_BYTES,
} from './opaque-sizes.ts';
import type { PasswordServer } from './password-auth.ts';
import { transparentHash } from './transparent-hash.ts';
import type { ByteSource } from './transparent-suite.ts';

/** Bytes of each of salt, verifier and challenge. */
export const TRANSPARENT_FIELD_BYTES = 64;
const STATE_BYTES = 128;

/** What the client sends to show that it knows the password. */
export function transparentFinish(verifier: Uint8Array, challenge: Uint8Array): Uint8Array {
  return transparentHash('login finish', [verifier, challenge], LOGIN_FINISH_BYTES);
}

/** The twin of `createPasswordServer`; all nodes of a simulated cluster are given the same `setup`. */
export function createTransparentPasswordServer(setup: string, random: ByteSource): PasswordServer {
  const secret = utf8(setup);
  const saltOf = (user: string): Uint8Array =>
    transparentHash('salt', [secret, utf8(user)], TRANSPARENT_FIELD_BYTES);
  return {
    registrationResponse(user, request) {
      expectBytes(request, REGISTRATION_REQUEST_BYTES);
      return saltOf(user).subarray(0, REGISTRATION_RESPONSE_BYTES);
    },
    startLogin(user, record, request) {
      expectBytes(request, LOGIN_REQUEST_BYTES);
      // An unknown user has a salt and a verifier that no password gives.
      const known = record?.length === RECORD_BYTES ? record : undefined;
      const fields = known?.subarray(0, 2 * TRANSPARENT_FIELD_BYTES) ?? random.bytes(STATE_BYTES);
      const challenge = random.bytes(TRANSPARENT_FIELD_BYTES);
      const answered = concat(saltOf(user), challenge, fields);
      const response = new Uint8Array(LOGIN_RESPONSE_BYTES);
      response.set(answered);
      return { response, state: concat(fields.subarray(TRANSPARENT_FIELD_BYTES), challenge) };
    },
    finishLogin(state, finish) {
      if (state.length !== STATE_BYTES) return false;
      const verifier = state.subarray(0, TRANSPARENT_FIELD_BYTES);
      return sameBytes(
        finish,
        transparentFinish(verifier, state.subarray(TRANSPARENT_FIELD_BYTES)),
      );
    },
  };
}

function expectBytes(message: Uint8Array, length: number): void {
  if (message.length !== length)
    throw new FastChatError('E_BAD_FRAME', `expected a login message of ${length} bytes`);
}

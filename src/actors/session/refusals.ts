/** What people are told when the gate says no: what went wrong and what to do, never who exists. */
import type { FastChatError } from '../../protocol/errors.ts';
import { NO_NODE_RETRY_MS, PROTOCOL_VERSION } from '../../protocol/limits.ts';
import type { Refusal } from './messages.ts';

/** One answer for a wrong password, an unknown user, an unknown device and a bad signature: a stranger learns nothing. */
export const NOT_YOU: Refusal = {
  code: 'E_AUTH',
  text: 'login failed: check the user name and the password',
};

export const NOT_LOGGED_IN: Refusal = {
  code: 'E_NOT_LOGGED_IN',
  text: 'log in first: this connection has no session',
};

export const NO_NODE: Refusal = {
  code: 'E_UNREACHABLE',
  text: 'no node takes logins at the moment: try again shortly',
  retryAfterMs: NO_NODE_RETRY_MS,
};

export const WRONG_VERSION: Refusal = {
  code: 'E_VERSION',
  text: `this node speaks protocol version ${PROTOCOL_VERSION} to ${PROTOCOL_VERSION}: use a FastChat that does, too`,
};

export const REGISTRATION_CLOSED: Refusal = {
  code: 'E_REGISTRATION',
  text: 'this server takes no new accounts: ask its operator',
};

export const PASSWORD_FIRST: Refusal = {
  code: 'E_AUTH',
  text: 'prove the present password first, then set the new one right away',
};

/** A call at the wrong time, which no FastChat client makes. */
export function outOfOrder(what: string): Refusal {
  return {
    code: 'E_BAD_FRAME',
    text: `${what}: update your FastChat, this one does not follow the protocol`,
  };
}

export function tooFast(what: string, retryAfterMs: number): Refusal {
  return { code: 'E_RATE_LIMITED', text: `too many ${what} at once: wait a moment`, retryAfterMs };
}

/** An error of another part for the client; the inside of a bug is for the log, not for people. */
export function refusalOf(error: FastChatError): Refusal {
  const text = error.code === 'E_INTERNAL' ? 'the node failed at this: try again' : error.message;
  return { code: error.code, text, retryAfterMs: error.retryAfterMs };
}

/** The same before login, where nobody may learn which users and devices exist. */
export function loginRefusalOf(error: FastChatError): Refusal {
  const reveals = error.code === 'E_NO_SUCH_USER' || error.code === 'E_NO_SUCH_DEVICE';
  return reveals ? NOT_YOU : refusalOf(error);
}

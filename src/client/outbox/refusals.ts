/** What the answer of a node to a `send` means for the message. */
import { assertNever } from '../../protocol/errors.ts';
import type { ErrorCode, FastChatError } from '../../protocol/errors.ts';
import type { Refusal } from './lane.ts';

/** Errors after which the message may or may not be stored: the node, or the way to it, failed in between. */
const UNKNOWN = new Set<ErrorCode>([
  'E_TIMEOUT',
  'E_UNREACHABLE',
  'E_MOVED',
  'E_IO',
  'E_INTERNAL',
  'E_NOT_LOGGED_IN',
]);

/** Sorts a failed `send`. A full mailbox is waited for only when the node says how long. */
export function refusalOf(error: FastChatError): Refusal {
  if (UNKNOWN.has(error.code)) return 'unknown';
  switch (error.code) {
    case 'E_RATE_LIMITED':
    case 'E_STORE_FULL':
      return 'later';
    case 'E_MAILBOX_FULL':
      return error.retryAfterMs === undefined ? 'never' : 'later';
    case 'E_STALE_EPOCH':
      return 'stale';
    case 'E_COUNTER':
      return 'counter';
    default:
      return 'never';
  }
}

/** Whether fetching somebody's keys may succeed later. */
export function isPassing(error: FastChatError): boolean {
  const refusal = refusalOf(error);
  switch (refusal) {
    case 'unknown':
    case 'later':
      return true;
    case 'stale':
    case 'counter':
    case 'never':
      return false;
    default:
      return assertNever(refusal);
  }
}

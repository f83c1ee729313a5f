/** What the answer of a node to a `send` means for the message. */
import type { ErrorCode, FastChatError } from '../../protocol/errors.ts';
import type { Refusal } from './lane.ts';

/** Any other code is final: the message fails. */
const REFUSALS: Partial<Record<ErrorCode, Refusal>> = {
  // The node, or the way to it, failed in between: the message may or may not be stored.
  E_TIMEOUT: 'unknown',
  E_UNREACHABLE: 'unknown',
  E_MOVED: 'unknown',
  E_IO: 'unknown',
  E_INTERNAL: 'unknown',
  E_NOT_LOGGED_IN: 'unknown',
  E_RATE_LIMITED: 'later',
  E_STORE_FULL: 'later',
  E_STALE_EPOCH: 'stale',
  E_COUNTER: 'counter',
};

/** Sorts a failed `send`. A full mailbox is waited for only when the node says how long. */
export function refusalOf({ code, retryAfterMs }: FastChatError): Refusal {
  if (code === 'E_MAILBOX_FULL') return retryAfterMs === undefined ? 'never' : 'later';
  return REFUSALS[code] ?? 'never';
}

/** Whether the same question may be answered later. */
export function isPassing(error: FastChatError): boolean {
  const refusal = refusalOf(error);
  return refusal === 'unknown' || refusal === 'later';
}

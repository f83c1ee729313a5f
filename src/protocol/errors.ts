/** One error class and the catalogue of stable codes: text is for people, `code` for programs, `cause` for debugging. */

/** Whether the same request can succeed: never, after a while, or at once. */
export type Retry = 'never' | 'later' | 'now';

interface ErrorKind {
  readonly retry: Retry;
  /** Exit code of a command that ends with this error (CONTRACT section 2). */
  readonly exit: number;
}

const kind = (retry: Retry, exit: number): ErrorKind => ({ retry, exit });

export const ERRORS = {
  E_USAGE: kind('never', 2),
  E_BAD_NAME: kind('never', 2),
  E_CONFIG: kind('never', 1),
  E_NAME_TAKEN: kind('never', 1),
  E_AUTH: kind('never', 6),
  E_NOT_LOGGED_IN: kind('never', 6),
  E_DATA_IN_USE: kind('later', 1),
  E_HOME_IN_USE: kind('later', 1),
  E_REGISTRATION: kind('never', 1),
  E_NO_SUCH_USER: kind('never', 7),
  E_NO_SUCH_GROUP: kind('never', 7),
  E_NO_SUCH_MESSAGE: kind('never', 7),
  E_NO_SUCH_DEVICE: kind('never', 7),
  E_GROUP_EXISTS: kind('never', 1),
  E_ALREADY_MEMBER: kind('never', 1),
  E_NOT_MEMBER: kind('never', 7),
  E_NOT_ADMIN: kind('never', 7),
  E_LAST_ADMIN: kind('never', 1),
  E_GROUP_FULL: kind('later', 5),
  E_BLOCKED: kind('never', 7),
  E_STALE_EPOCH: kind('now', 70),
  E_COUNTER: kind('now', 70),
  E_TOO_LARGE: kind('never', 5),
  E_TOO_MANY_DEVICES: kind('never', 5),
  E_MAILBOX_FULL: kind('later', 5),
  E_RATE_LIMITED: kind('later', 5),
  E_STORE_FULL: kind('later', 5),
  E_TICKET_FORGED: kind('never', 6),
  E_TICKET_EXPIRED: kind('now', 6),
  E_TICKET_REPLAYED: kind('now', 6),
  E_TICKET_NODE: kind('now', 6),
  E_KEY_CHANGED: kind('never', 4),
  E_DECRYPT: kind('never', 4),
  E_SIGNATURE: kind('never', 4),
  E_STORE_CLONED: kind('now', 1),
  E_VAULT_CONFLICT: kind('now', 70),
  E_BAD_FRAME: kind('never', 3),
  E_VERSION: kind('never', 3),
  E_UNREACHABLE: kind('later', 3),
  E_TIMEOUT: kind('later', 8),
  E_MOVED: kind('now', 3),
  E_IO: kind('later', 3),
  E_INTERNAL: kind('later', 70),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

interface ErrorDetails {
  readonly cause?: unknown;
  /** How long to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** The only error that crosses a module's border on purpose. */
export class FastChatError extends Error {
  override readonly name = 'FastChatError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
  }

  get retry(): Retry {
    return ERRORS[this.code].retry;
  }
}

/** Wraps whatever was thrown; a foreign error is a bug of ours and becomes E_INTERNAL. */
export function asFastChatError(cause: unknown): FastChatError {
  if (cause instanceof FastChatError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new FastChatError('E_INTERNAL', `unexpected: ${text}`, { cause });
}

/** States what must hold whatever the input: a violation is a bug in this program. */
export function invariant(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new FastChatError('E_INTERNAL', `invariant broken: ${claim}`);
}

/** Closes a switch over a union: the compiler proves that it is never reached. */
export function assertNever(value: never): never {
  throw new FastChatError('E_INTERNAL', `unhandled variant ${JSON.stringify(value)}`);
}

/** What exit codes mean; scripts rely on them. */
import { asFastChatError, ERRORS } from '../protocol/errors.ts';

export const EXIT = {
  ok: 0,
  usage: 2,
  untrusted: 4,
  timedOut: 8,
  internal: 70,
  interrupted: 130,
} as const;

export const EXIT_CODES: ReadonlyArray<readonly [code: number, meaning: string]> = [
  [0, 'done as --wait asked'],
  [1, 'something you can fix: configuration, a taken name, a folder in use'],
  [2, 'usage: an unknown command, a bad flag or a bad name'],
  [3, 'network or I/O'],
  [4, 'a key changed or is not trusted'],
  [5, 'rate limit, quota or size'],
  [6, 'not logged in or bad credentials'],
  [7, 'not found, ambiguous or forbidden'],
  [8, '--wait timed out: the message is in the outbox, its id is printed'],
  [70, 'a bug in FastChat'],
  [130, 'ended by Ctrl+C'],
];

/** The person asked the command to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Nobody reads the output any more (`fastchat read | head`): there is nothing left to do, and nothing to say. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

export function exitCodeOf(cause: unknown): number {
  if (cause instanceof Interrupted) return EXIT.interrupted;
  if (cause instanceof OutputClosed) return EXIT.ok;
  return ERRORS[asFastChatError(cause).code].exit;
}

/** Nobody answered in time: nothing is decided, what is in the outbox stays there. */
export function isUnanswered(cause: unknown): boolean {
  const { code } = asFastChatError(cause);
  return code === 'E_TIMEOUT' || code === 'E_UNREACHABLE';
}

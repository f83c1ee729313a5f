/** Commits and answers: what a step writes, and what waits until that is flushed (I2). */
import { fail, succeed } from '../../protocol/calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import type { AnyUserReply, UserCallName, UserReply } from '../../protocol/user-calls.ts';
import type { AccountRecord, UserWrite } from './records.ts';
import type { Release, UserTurn } from './state.ts';

/** Begins a commit; `releases` happen in order when it is flushed. Answers its id. */
export function beginCommit(
  turn: UserTurn,
  writes: readonly UserWrite[],
  releases: Release[] = [],
): number {
  const { commits } = turn.state;
  commits.begun += 1;
  commits.waiting.set(commits.begun, releases);
  turn.effects.push({ type: 'commit', id: commits.begun, writes });
  return commits.begun;
}

/** The same for a change of the account, its devices or contacts. */
export function beginAccountCommit(
  turn: UserTurn,
  writes: readonly UserWrite[],
  releases: Release[],
): number {
  const id = beginCommit(turn, writes, releases);
  turn.state.accountCommit = id;
  return id;
}

/** Answers a request once the commit is flushed; at once when it is. */
export function answerAfter(
  turn: UserTurn,
  commit: number,
  reply: { readonly to: number; readonly value: AnyUserReply },
): void {
  const releases = turn.state.commits.waiting.get(commit);
  if (releases === undefined) answer(turn, reply.to, reply.value);
  else releases.push({ type: 'reply', ...reply });
}

/** Answers a request now; nobody waits for `to` 0. */
export function answer(turn: UserTurn, to: number, value: AnyUserReply): void {
  if (to !== 0) turn.effects.push({ type: 'reply', to, outcome: succeed(value) });
}

/** The answer to a request of type `K`, to be released by a commit. */
export function replyOf<K extends UserCallName>(
  message: { readonly type: K; readonly replyTo: number },
  value: UserReply<K>,
): Release {
  return { type: 'reply', to: message.replyTo, value: value as AnyUserReply };
}

interface Refusal {
  readonly code: ErrorCode;
  readonly text: string;
  readonly retryAfterMs?: number;
}

/** Refuses a request now. */
export function refuse(turn: UserTurn, to: number, refusal: Refusal): void {
  if (to === 0) return;
  const { code, text, retryAfterMs } = refusal;
  const outcome = fail(new FastChatError(code, text, { retryAfterMs }));
  turn.effects.push({ type: 'reply', to, outcome });
}

/** Refuses a request to an address that nobody has registered. */
export function refuseUnknown(turn: UserTurn, to: number): void {
  refuse(turn, to, { code: 'E_NO_SUCH_USER', text: `there is no user ${turn.state.user}` });
}

/** Whether a proof of the password that was checked with `record` is one of the present password. */
export function isPresentRecord(account: AccountRecord, record: Uint8Array): boolean {
  return sameBytes(account.loginRecord, record);
}

/** Refuses what was begun with a password that was changed meanwhile. */
export function refusePassword(turn: UserTurn, to: number): void {
  refuse(turn, to, { code: 'E_AUTH', text: 'the password was changed meanwhile: use the new one' });
}

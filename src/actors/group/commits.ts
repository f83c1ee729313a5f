/** Commits and answers: what a step writes, and what waits until that is flushed (I2). */
import { fail, succeed } from '../../protocol/calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { AnyGroupReply } from '../../protocol/group-calls.ts';
import {
  ACTOR_BUSY_RETRY_MS,
  ACTOR_COMMITS_WAITING_MAX,
  ACTOR_COMMIT_BYTES_WAITING_MAX,
} from '../../protocol/limits.ts';
import type { GroupWrite, LifeWrite, RootRecord } from './records.ts';
import type { GroupState, GroupTurn, GroupView, Release } from './state.ts';

/** Begins a commit; `releases` happen in order when it is flushed. Answers its id. */
export function beginCommit(
  turn: GroupTurn,
  writes: readonly GroupWrite[],
  releases: Release[] = [],
): number {
  const { commits } = turn.state;
  commits.begun += 1;
  commits.waiting.set(commits.begun, releases);
  turn.effects.push({ type: 'commit', id: commits.begun, writes });
  return commits.begun;
}

/** The writes as ones of that life. */
export function ofLife(life: number, writes: readonly LifeWrite[]): GroupWrite[] {
  return writes.map((write) => ({ type: 'life', life, write }));
}

/** What the root says of a view. */
export function rootOf({ life, roster }: GroupView, oldest: number): RootRecord {
  const { incarnation, position, hash, epoch, commitment, rekeyDue, ended } = roster;
  return { life, oldest, incarnation, position, hash, epoch, commitment, rekeyDue, ended };
}

/** Answers a request once the commit is flushed; at once when it is. */
export function answerAfter(
  turn: GroupTurn,
  commit: number,
  reply: { readonly to: number; readonly value: AnyGroupReply },
): void {
  const releases = turn.state.commits.waiting.get(commit);
  if (releases === undefined) answer(turn, reply.to, reply.value);
  else releases.push({ type: 'reply', ...reply });
}

/** Answers a request now; nobody waits for `to` 0. */
export function answer(turn: GroupTurn, to: number, value: AnyGroupReply): void {
  if (to !== 0) turn.effects.push({ type: 'reply', to, outcome: succeed(value) });
}

/** Refuses a request now. */
export function refuse(turn: GroupTurn, to: number, error: FastChatError): void {
  if (to !== 0) turn.effects.push({ type: 'reply', to, outcome: fail(error) });
}

/**
 * Refuses a request because of what the group has become, once that can be read: whoever was told at once, and looked,
 * would find the group as it was before.
 */
export function refuseAfterAll(turn: GroupTurn, to: number, error: FastChatError): void {
  const { begun, waiting } = turn.state.commits;
  const releases = waiting.get(begun);
  if (releases === undefined) refuse(turn, to, error);
  else releases.push({ type: 'refusal', to, error });
}

export function refusal(code: ErrorCode, text: string): FastChatError {
  return new FastChatError(code, text);
}

/** To everybody who is no member, and was none, a group does not exist. */
export function noSuchGroup({ group }: GroupState): FastChatError {
  return refusal('E_NO_SUCH_GROUP', `there is no group ${group}`);
}

/** Why nothing more may be begun now; undefined when it may. */
export function refuseBusy({ commits }: GroupState, bytes: number): FastChatError | undefined {
  const isBusy =
    commits.waiting.size >= ACTOR_COMMITS_WAITING_MAX ||
    commits.bytes + bytes > ACTOR_COMMIT_BYTES_WAITING_MAX;
  if (!isBusy) return undefined;
  const retryAfterMs = ACTOR_BUSY_RETRY_MS;
  return new FastChatError('E_RATE_LIMITED', 'the group is busy', { retryAfterMs });
}

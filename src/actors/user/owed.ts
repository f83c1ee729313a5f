/**
 * Notices of expiry. They are owed: recorded in the commit that removed the entries, and told to the sender's actor until
 * it answers. One at a time per sender, so that they arrive in order and the receiver needs to remember one number.
 */
import type { UserId } from '../../protocol/ids.ts';
import { OWED_RETRY_MAX_MS, OWED_RETRY_MIN_MS } from '../../protocol/limits.ts';
import { answer, answerAfter, beginCommit, replyOf } from './commits.ts';
import type { Asked, Fact } from './messages.ts';
import { pushToAll } from './presence.ts';
import type { OwedRecord } from './records.ts';
import type { UserTurn } from './state.ts';

/** Asks the oldest open notice of every sender that is not being asked already. */
export function askOwed({ state, effects }: UserTurn): void {
  const { open, asked } = state.owed;
  for (const notice of open.values()) {
    if (asked.has(notice.to)) continue;
    asked.set(notice.to, notice.seq);
    effects.push({ type: 'askOwed', to: notice.to, request: requestOf(state.user, notice) });
  }
}

function requestOf(by: UserId, { seq, incarnation, device, counters }: OwedRecord) {
  const { from, to } = counters;
  return { type: 'expired', by, seq, incarnation, device, from, to } as const;
}

/** The time to ask again those that did not answer. */
export function retryOwed(turn: UserTurn): void {
  turn.state.owed.isRetryScheduled = false;
  askOwed(turn);
}

/** A sender answered, or could not be reached. */
export function owedAnswered(turn: UserTurn, message: Fact<'owedAnswered'>): void {
  const { owed } = turn.state;
  const notice = owed.open.get(message.seq);
  if (notice === undefined) return;
  owed.asked.delete(notice.to);
  if (!message.ok) {
    retryLater(turn);
    return;
  }
  owed.retryMs = 0;
  owed.open.delete(message.seq);
  beginCommit(turn, [{ type: 'removeOwed', seq: message.seq }]);
  askOwed(turn);
}

function retryLater({ state, effects }: UserTurn): void {
  const { owed } = state;
  if (owed.isRetryScheduled) return;
  owed.isRetryScheduled = true;
  owed.retryMs = Math.min(OWED_RETRY_MAX_MS, Math.max(OWED_RETRY_MIN_MS, 2 * owed.retryMs));
  effects.push({ type: 'schedule', inMs: owed.retryMs, message: { type: 'retryOwed' } });
}

/** At the sender: counters of one of its devices expired undelivered. Idempotent by (by, incarnation, seq). */
export function expired(turn: UserTurn, message: Asked<'expired'>): void {
  const { by, seq, incarnation, device, from, to, replyTo, found } = message;
  const { seenExpired, commits } = turn.state;
  const seen = seenExpired.get(by)?.record ?? found.seen;
  if (seen?.incarnation === incarnation && seq <= seen.seq) {
    answerAfter(turn, seenExpired.get(by)?.commit ?? commits.done, { to: replyTo, value: {} });
    return;
  }
  if (turn.state.account === undefined) {
    // Nobody is left to be told.
    answer(turn, replyTo, {});
    return;
  }
  pushToAll(turn, { type: 'expired', user: by, incarnation, device, from, to });
  const record = { incarnation, seq };
  const write = { type: 'seen', source: by, record } as const;
  seenExpired.set(by, { record, commit: beginCommit(turn, [write], [replyOf(message, {})]) });
}

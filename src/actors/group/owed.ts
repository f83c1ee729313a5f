/**
 * Memberships that users' actors have to be told. They are owed: recorded in the commit that made them so, and told until
 * the user's actor answers. A newer one takes the place of one that was not told yet.
 */
import type { UserId } from '../../protocol/ids.ts';
import {
  GROUP_NOTICES_ASKED_MAX,
  OWED_RETRY_MAX_MS,
  OWED_RETRY_MIN_MS,
} from '../../protocol/limits.ts';
import { flushSoon } from './marks.ts';
import type { Fact } from './messages.ts';
import type { GroupTurn } from './state.ts';

/** Tells users, so many at a time, each one thing at a time. */
export function askOwed({ state, effects }: GroupTurn): void {
  const { open, since, asked, told } = state.owed;
  for (const [user, commit] of since) if (commit <= state.commits.done) since.delete(user);
  for (const [user, membership] of open) {
    if (asked.size >= GROUP_NOTICES_ASKED_MAX) return;
    if (asked.has(user) || told.has(user) || since.has(user)) continue;
    asked.add(user);
    effects.push({ type: 'askOwed', user, told: membership });
  }
}

/** The time to tell those again that did not answer. */
export function retryOwed(turn: GroupTurn): void {
  turn.state.owed.isRetryScheduled = false;
  askOwed(turn);
}

/** A user's actor answered, or could not be reached. */
export function owedAnswered(turn: GroupTurn, { user, told, ok }: Fact<'owedAnswered'>): void {
  const { owed } = turn.state;
  owed.asked.delete(user);
  if (!ok) return retryLater(turn);
  owed.retryMs = 0;
  // It may have changed meanwhile: then the newer one is still owed.
  if (owed.open.get(user) === told) confirm(turn, user);
  askOwed(turn);
}

function confirm(turn: GroupTurn, user: UserId): void {
  turn.state.owed.told.add(user);
  flushSoon(turn);
}

function retryLater({ state, effects }: GroupTurn): void {
  const { owed } = state;
  if (owed.isRetryScheduled) return;
  owed.isRetryScheduled = true;
  owed.retryMs = Math.min(OWED_RETRY_MAX_MS, Math.max(OWED_RETRY_MIN_MS, 2 * owed.retryMs));
  effects.push({ type: 'schedule', inMs: owed.retryMs, message: { type: 'retryOwed' } });
}

/** The two budgets of a session: messages by the operator's limit, everything else generously. */
import { FULL_BUCKET, takeToken, waitForToken } from '../../ops/token-bucket.ts';
import type { Bucket, Rate } from '../../ops/token-bucket.ts';
import { SESSION_CALLS_BURST, SESSION_CALLS_PER_SECOND } from '../../protocol/limits.ts';
import type { Limits } from '../../protocol/limits.ts';

export interface SessionRates {
  readonly messages: Rate;
  readonly calls: Rate;
}

/** What a session has drawn of each budget; changes in place. */
export interface Spent {
  messages: Bucket;
  calls: Bucket;
}

export function sessionRates(limits: Limits): SessionRates {
  return {
    messages: { perSecond: limits.messagesPerSecond, burst: limits.messagesBurst },
    calls: { perSecond: SESSION_CALLS_PER_SECOND, burst: SESSION_CALLS_BURST },
  };
}

export function nothingSpent(): Spent {
  return { messages: FULL_BUCKET, calls: FULL_BUCKET };
}

/** Draws one message: 0, or how many milliseconds to wait (and nothing is drawn). */
export function spendMessage(spent: Spent, rates: SessionRates, nowMs: number): number {
  const waitMs = waitForToken(spent.messages, rates.messages, nowMs);
  if (waitMs === 0) spent.messages = takeToken(spent.messages, rates.messages, nowMs);
  return waitMs;
}

/** Draws `count` calls: 0, or how many milliseconds to wait (and nothing is drawn). */
export function spendCalls(
  spent: Spent,
  rates: SessionRates,
  nowMs: number,
  count: number,
): number {
  const waitMs = waitForToken(spent.calls, rates.calls, nowMs, count);
  if (waitMs === 0) spent.calls = takeToken(spent.calls, rates.calls, nowMs, count);
  return waitMs;
}

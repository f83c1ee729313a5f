/** The next place in the log. */
import type { LogMark } from '../runtime/log-mark.ts';
import type { GroupState } from './state.ts';

/** What an entry adds to the sums. */
export interface EntrySize {
  readonly loud: boolean;
  readonly bytes: number;
}

/** The place after the newest one; its time never goes back, so that entries expire in the order of the log. */
export function nextPlace(
  { log }: GroupState,
  { loud, bytes }: EntrySize,
  nowMs: number,
): { readonly mark: LogMark; readonly at: number } {
  const { head, headAt } = log;
  const mark = { seq: head.seq + 1, loud: head.loud + (loud ? 1 : 0), bytes: head.bytes + bytes };
  return { mark, at: Math.max(nowMs, headAt) };
}

/** Makes a place the newest one, to be flushed. */
export function takePlace(state: GroupState, mark: LogMark, at: number): void {
  state.commits.bytes += mark.bytes - state.log.head.bytes;
  state.log.head = mark;
  state.log.headAt = at;
}

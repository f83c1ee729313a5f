/** Places in the log and the heads of its newest entries. Pure arithmetic over LogState. */
import { RECENT_HEADS_MAX } from '../../protocol/limits.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import type { EntryHead } from './messages.ts';
import type { MailboxRecord } from './records.ts';
import type { LogState, UserState } from './state.ts';

export function markOf({ seq, loud, bytes }: EntryHead): LogMark {
  return { seq, loud, bytes };
}

/** Remembers the head of a newly committed entry; cuts in blocks, so that each costs little. */
export function rememberHead(log: LogState, head: EntryHead): void {
  log.recent.push(head);
  if (log.recent.length >= 2 * RECENT_HEADS_MAX) log.recent = log.recent.slice(-RECENT_HEADS_MAX);
}

/** Drops heads of settled entries, which nothing asks for again; in blocks, so that each costs little. */
export function forgetSettled(log: LogState): void {
  const oldest = log.recent[0];
  if (oldest === undefined) return;
  const settled = log.settled.seq + 1 - oldest.seq;
  if (settled >= log.recent.length) log.recent = [];
  else if (2 * settled >= log.recent.length) log.recent = log.recent.slice(settled);
}

/** Heads after `seq` up to `upTo` from memory; undefined when memory does not reach back that far. */
export function recentHeads(log: LogState, seq: number, upTo: number): EntryHead[] | undefined {
  const oldest = log.recent[0];
  if (oldest === undefined || oldest.seq > seq + 1) return undefined;
  return log.recent.slice(seq + 1 - oldest.seq, upTo + 1 - oldest.seq);
}

/** What the lazily written mailbox record says now. */
export function mailboxRecordOf({ log, owed }: UserState): MailboxRecord {
  const { head, headAt, settled, floor } = log;
  return { head, headAt, settled, floor, nextOwed: owed.next };
}

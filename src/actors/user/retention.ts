/**
 * What leaves the log, and only this (I8): entries that every live device acknowledged and whose history time has passed,
 * and entries that no device got within the mailbox's time to live. Whoever sent one of the latter is owed a notice.
 */
import {
  DEVICE_STALE_MS,
  EXPIRED_RANGES_MAX,
  OWED_NOTICES_MAX,
  RETENTION_INTERVAL_MS,
  RETENTION_LOOK_ENTRIES,
  RETENTION_SLICE_ENTRIES,
  RETENTION_SLICE_KEYS,
} from '../../protocol/limits.ts';
import { invariant } from '../../protocol/errors.ts';
import { beginCommit } from './commits.ts';
import { lazyWrites } from './delivery.ts';
import { forgetSettled, mailboxRecordOf, markOf } from './log.ts';
import type { Fact, StoredHead } from './messages.ts';
import { admitPairs, pairKey } from './pairs.ts';
import { endLeases } from './presence.ts';
import type { OwedRecord, PairRecord, UserWrite } from './records.ts';
import { endSilentSessions, liveDevices } from './sessions.ts';
import type { Pair, UserState, UserTurn } from './state.ts';

type Retain = Fact<'retain'>;

/** Time has passed. */
export function tick(turn: UserTurn): void {
  endSilentSessions(turn);
  endLeases(turn);
  if (turn.state.account === undefined || turn.nowMs < turn.state.nextRetentionMs) return;
  turn.state.nextRetentionMs = turn.nowMs + RETENTION_INTERVAL_MS;
  retainSoon(turn, RETENTION_LOOK_ENTRIES);
}

/** Removes one slice, in one commit with the cursors that allow it; a look only tells whether there is one. */
export function retain(turn: UserTurn, message: Retain): void {
  const { state } = turn;
  const { oldest, undelivered, pairs } = message.found;
  const history = firstSlice(oldest, (head) => isHistoryOver(turn, head));
  const late = hasRoomForNotices(state)
    ? firstSlice(undelivered, (head) => head.at < turn.nowMs - state.settings.mailboxTtlMs)
    : [];
  if (history.length === 0 && late.length === 0) return;
  if (message.limit < RETENTION_SLICE_ENTRIES) return retainSoon(turn, RETENTION_SLICE_ENTRIES);
  admitPairs(state, pairs);
  const notices = expire(turn, late);
  state.log.floor = history.at(-1)?.seq ?? state.log.floor;
  const writes: UserWrite[] = [
    ...lazyWrites(state),
    ...[...history, ...late].map(removal),
    ...notices,
    { type: 'mailbox', record: mailboxRecordOf(state) },
  ];
  beginCommit(turn, writes, [{ type: 'owed' }]);
  retainSoon(turn, RETENTION_SLICE_ENTRIES);
}

function retainSoon({ effects }: UserTurn, limit: number): void {
  effects.push({ type: 'schedule', inMs: 0, message: { type: 'retain', limit } });
}

function removal({ seq, parts }: StoredHead): UserWrite {
  return { type: 'removeLog', seq, parts };
}

/** The heads from the front that may go, as many as one commit removes. */
function firstSlice(
  heads: readonly StoredHead[],
  mayGo: (head: StoredHead) => boolean,
): StoredHead[] {
  const slice: StoredHead[] = [];
  let keys = 0;
  for (const head of heads) {
    keys += 1 + head.parts;
    if (!mayGo(head) || keys > RETENTION_SLICE_KEYS) break;
    slice.push(head);
    if (slice.length === RETENTION_SLICE_ENTRIES) break;
  }
  return slice;
}

/** With no live device nothing is deleted by cursor. */
function isHistoryOver({ state, nowMs }: UserTurn, { seq, at }: StoredHead): boolean {
  if (at >= nowMs - state.settings.historyRetentionMs) return false;
  const live = liveDevices(state, nowMs - DEVICE_STALE_MS);
  return live.length > 0 && live.every(({ record }) => seq <= record.cursor);
}

function hasRoomForNotices({ owed }: UserState): boolean {
  return owed.open.size + RETENTION_SLICE_ENTRIES <= OWED_NOTICES_MAX;
}

/** Settles undelivered entries as expired; the notices that their senders are owed, as writes. */
function expire({ state, effects }: UserTurn, late: readonly StoredHead[]): UserWrite[] {
  const last = late.at(-1);
  if (last === undefined) return [];
  const first = late[0];
  invariant(first?.seq === state.log.settled.seq + 1, 'the oldest undelivered entry goes first');
  const counters = new Map<Pair, { from: number; to: number }>();
  const touched = new Set<Pair>();
  for (const head of late) {
    const pair = state.pairs.get(pairKey(head.from, head.device));
    invariant(pair !== undefined, 'an entry has a pair');
    touched.add(pair);
    pair.record = { ...pair.record, waiting: Math.max(0, pair.record.waiting - 1) };
    // Nobody waits to hear of quiet entries.
    if (head.quiet) continue;
    const range = counters.get(pair) ?? { from: head.counter, to: head.counter };
    range.to = head.counter;
    counters.set(pair, range);
  }
  effects.push({ type: 'count', what: 'expired', by: last.loud - state.log.settled.loud });
  state.log.settled = markOf(last);
  forgetSettled(state.log);
  for (const [pair, range] of counters) pair.record = withExpired(pair.record, range);
  const notices = [...counters].map(([pair, range]) => oweNotice(state, pair.record, range));
  return [
    ...notices.map((record): UserWrite => ({ type: 'owed', record })),
    ...[...touched].map(({ record }): UserWrite => ({ type: 'pair', record })),
  ];
}

/** Adds a range, joining it to the one before when nothing lies between; past EXPIRED_RANGES_MAX the oldest is forgotten. */
function withExpired(record: PairRecord, range: { from: number; to: number }): PairRecord {
  const before = record.expired.at(-1);
  const isNext = before !== undefined && before.to + 1 === range.from;
  const joined = isNext
    ? [...record.expired.slice(0, -1), { from: before.from, to: range.to }]
    : [...record.expired, range];
  return { ...record, expired: joined.slice(-EXPIRED_RANGES_MAX) };
}

function oweNotice(
  state: UserState,
  { sender, device }: PairRecord,
  counters: { readonly from: number; readonly to: number },
): OwedRecord {
  const { owed, account } = state;
  invariant(account !== undefined, 'a mailbox with entries has an account');
  const { incarnation } = account;
  const notice: OwedRecord = { seq: owed.next, to: sender, incarnation, device, counters };
  owed.next += 1;
  owed.open.set(notice.seq, notice);
  return notice;
}

/** What devices have got: cursors, the watermarks senders are told, and writing both lazily. */
import { invariant } from '../../protocol/errors.ts';
import {
  CURSOR_LAG_ENTRIES,
  CURSOR_LAG_MS,
  READ_MARKS_MAX,
  RETENTION_SLICE_ENTRIES,
  SETTLE_SLICE_ENTRIES,
} from '../../protocol/limits.ts';
import type { Watermark } from '../../protocol/account.ts';
import { answer, answerAfter, beginCommit, refuse, refuseUnknown } from './commits.ts';
import { forgetSettled, mailboxRecordOf, markOf, recentHeads } from './log.ts';
import type { Asked, EntryHead, Fact, HeadsFound } from './messages.ts';
import { admitPairs, pairKey } from './pairs.ts';
import type { PairRecord, UserWrite } from './records.ts';
import type { Pair, UserState, UserTurn } from './state.ts';

/** A device has everything up to `upTo` on its own disk. Cursors only grow (I8), and never past what is flushed (I2). */
export function ack(turn: UserTurn, message: Asked<'ack'>): void {
  const { state } = turn;
  const device = state.devices.get(message.device);
  if (device === undefined) {
    refuse(turn, message.replyTo, {
      code: 'E_NO_SUCH_DEVICE',
      text: 'the device is not registered',
    });
    return;
  }
  const cursor = Math.min(message.upTo, state.log.committed.seq);
  if (cursor > device.record.cursor) {
    state.unflushedEntries += cursor - device.record.cursor;
    device.record = { ...device.record, cursor };
    device.isDirty = true;
    state.log.reached = Math.max(state.log.reached, cursor);
    settleSlice(turn, message.found);
    flushSoon(turn);
  }
  answer(turn, message.replyTo, {});
}

/** Goes on with entries that one step did not settle. */
export function settle(turn: UserTurn, message: Fact<'settle'>): void {
  turn.state.log.isSettling = false;
  settleSlice(turn, message.found);
  flushSoon(turn);
}

/** The end of the slice that the next step settles when a device reaches `reached`. */
export function sliceEnd(state: UserState, reached: number): number {
  const { committed, settled } = state.log;
  return Math.min(
    Math.max(reached, state.log.reached),
    committed.seq,
    settled.seq + SETTLE_SLICE_ENTRIES,
  );
}

/** Settles entries that a device got first: counts them delivered and tells their senders, once per sending device. */
function settleSlice(turn: UserTurn, found: HeadsFound): void {
  const { state } = turn;
  const { log } = state;
  const end = sliceEnd(state, log.reached);
  if (end <= log.settled.seq) return;
  admitPairs(state, found.pairs);
  const heads = recentHeads(log, log.settled.seq, end) ?? found.heads;
  const last = heads.at(-1);
  invariant(last?.seq === end, 'the store holds every undelivered entry');
  const told = new Set<Pair>();
  for (const head of heads) deliver(state, head, told);
  turn.effects.push({ type: 'delivered', heads, nowMs: turn.nowMs });
  log.settled = markOf(last);
  forgetSettled(log);
  for (const pair of told) tellSender(turn, pair.record);
  if (log.settled.seq < log.reached) settleMore(turn);
}

function deliver(state: UserState, head: EntryHead, told: Set<Pair>): void {
  const pair = state.pairs.get(pairKey(head.from, head.device));
  invariant(pair !== undefined, 'an entry has a pair');
  const { record } = pair;
  pair.record = {
    ...record,
    delivered: Math.max(record.delivered, head.counter),
    waiting: Math.max(0, record.waiting - 1),
  };
  pair.isDirty = true;
  if (!head.quiet) told.add(pair);
}

function tellSender({ state, effects }: UserTurn, { sender, device, delivered }: PairRecord): void {
  const { account, user } = state;
  if (account === undefined) return;
  const { incarnation } = account;
  effects.push({
    type: 'tell',
    to: sender,
    request: { type: 'receipt', by: user, incarnation, device, delivered },
  });
}

function settleMore({ state, effects }: UserTurn): void {
  if (state.log.isSettling) return;
  state.log.isSettling = true;
  effects.push({ type: 'schedule', inMs: 0, message: { type: 'settle' } });
}

/** Sees to it that what is lazy is written within CURSOR_LAG_MS, or now when much has gathered. */
export function flushSoon(turn: UserTurn): void {
  const { state, effects } = turn;
  if (state.unflushedEntries >= CURSOR_LAG_ENTRIES) {
    flush(turn);
  } else if (!state.isFlushScheduled) {
    state.isFlushScheduled = true;
    effects.push({ type: 'schedule', inMs: CURSOR_LAG_MS, message: { type: 'flush' } });
  }
}

/** The scheduled flush. */
export function flushNow(turn: UserTurn): void {
  turn.state.isFlushScheduled = false;
  flush(turn);
}

/** Writes everything lazy; many pairs go in several commits, the cursors in the last one. */
export function flush(turn: UserTurn): void {
  const writes = lazyWrites(turn.state);
  turn.state.unflushedEntries = 0;
  for (let from = 0; from < writes.length; from += RETENTION_SLICE_ENTRIES)
    beginCommit(turn, writes.slice(from, from + RETENTION_SLICE_ENTRIES));
}

/** The writes that bring the store up to date with what is lazy; marks it as written. */
export function lazyWrites(state: UserState): UserWrite[] {
  const writes: UserWrite[] = [];
  for (const pair of state.pairs.values())
    if (pair.isDirty) {
      writes.push({ type: 'pair', record: pair.record });
      pair.isDirty = false;
    }
  for (const device of state.devices.values())
    if (device.isDirty) {
      writes.push({ type: 'device', record: device.record });
      device.isDirty = false;
    }
  if (writes.length > 0) writes.push({ type: 'mailbox', record: mailboxRecordOf(state) });
  return writes;
}

export function pull(turn: UserTurn, message: Asked<'pull'>): void {
  const { state } = turn;
  if (state.devices.has(message.device)) {
    const { entries, upTo } = message.found;
    answer(turn, message.replyTo, { entries, upTo, head: state.log.committed.seq });
    return;
  }
  refuse(turn, message.replyTo, { code: 'E_NO_SUCH_DEVICE', text: 'the device is not registered' });
}

/** How far the messages of one sender got here; never a counter that is not flushed. */
export function receipts(turn: UserTurn, message: Asked<'receipts'>): void {
  const { state } = turn;
  const { account } = state;
  if (account === undefined) {
    refuseUnknown(turn, message.replyTo);
    return;
  }
  admitPairs(state, message.found.pairs);
  const marks: Watermark[] = [];
  for (const { record } of state.pairs.values())
    if (record.sender === message.sender && record.counter > 0) {
      const { device, delivered, expired } = record;
      marks.push({ device, delivered, expired });
    }
  // Newest devices first: past the bound, devices long gone are left out.
  marks.sort((left, right) => right.device - left.device);
  const value = { incarnation: account.incarnation, marks: marks.slice(0, READ_MARKS_MAX) };
  answerAfter(turn, state.accountCommit, { to: message.replyTo, value });
}

/** At the sender: a recipient's actor tells how far a device's messages got; pushed, not kept. */
export function receipt(turn: UserTurn, message: Asked<'receipt'>): void {
  const { by, incarnation, device, delivered } = message;
  for (const { session } of turn.state.sessions.values())
    turn.effects.push({
      type: 'push',
      session,
      push: { type: 'receipt', user: by, incarnation, device, delivered },
    });
  answer(turn, message.replyTo, {});
}

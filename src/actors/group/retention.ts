/**
 * What leaves a group's log, and only this: entries older than members who are away may count on. The chain of operations
 * stays. With the entries go the seals that only they needed, and former members who have nothing left to read.
 */
import {
  RETENTION_INTERVAL_MS,
  RETENTION_LOOK_ENTRIES,
  RETENTION_SLICE_ENTRIES,
  RETENTION_SLICE_KEYS,
} from '../../protocol/limits.ts';
import type { GroupMark } from '../../protocol/group-facts.ts';
import { beginCommit, ofLife, rootOf } from './commits.ts';
import { endLeases } from './interest.ts';
import type { Fact, GroupEffect, GroupFact, StoredHead } from './messages.ts';
import { askOwed } from './owed.ts';
import type { GroupWrite, LifeWrite, PlaceRecord, StayRecord } from './records.ts';
import { forgetStages } from './stages.ts';
import type { GroupState, GroupTurn } from './state.ts';

const SLICE: GroupFact = { type: 'retain', limit: RETENTION_SLICE_ENTRIES };

/** Time has passed. */
export function tick(turn: GroupTurn): void {
  const { state, nowMs } = turn;
  endLeases(turn);
  forgetStages(turn);
  if (state.now === undefined || nowMs < state.nextRetentionMs) return;
  state.nextRetentionMs = nowMs + RETENTION_INTERVAL_MS;
  soon(turn, { type: 'retain', limit: RETENTION_LOOK_ENTRIES });
}

function soon({ effects }: GroupTurn, message: GroupFact): void {
  effects.push({ type: 'schedule', inMs: 0, message });
}

/** Removes one slice; when nothing is left to remove, what depended on it. */
export function retain(turn: GroupTurn, { found, limit }: Fact<'retain'>): void {
  const { state } = turn;
  const { flushed } = state;
  if (flushed === undefined || state.now?.life !== flushed.life) return;
  const slice = firstSlice(turn, found.oldest);
  const last = slice.at(-1);
  if (last === undefined) return soon(turn, { type: 'sweep' });
  if (limit < RETENTION_SLICE_ENTRIES) return soon(turn, SLICE);
  const { seq, loud, bytes } = last;
  state.log.floor = { seq, loud, bytes };
  const removals = slice.map(({ seq: gone, parts }): LifeWrite => ({
    type: 'removeLog',
    seq: gone,
    parts,
  }));
  const place: LifeWrite = { type: 'place', record: placeOf(state) };
  beginCommit(turn, ofLife(flushed.life, [...removals, place]));
  soon(turn, SLICE);
}

function firstSlice({ state, nowMs }: GroupTurn, heads: readonly StoredHead[]): StoredHead[] {
  const { mailboxTtlMs, historyRetentionMs } = state.settings;
  const cutMs = nowMs - Math.max(mailboxTtlMs, historyRetentionMs);
  const slice: StoredHead[] = [];
  let keys = 0;
  for (const head of heads) {
    keys += 1 + head.parts;
    if (head.at >= cutMs || keys > RETENTION_SLICE_KEYS) break;
    slice.push(head);
  }
  return slice;
}

/** Only what is flushed: the record must never be ahead of the log. */
function placeOf({ log }: GroupState): PlaceRecord {
  return { head: log.head, headAt: log.headAt, floor: log.floor };
}

/** The newest epoch with a seal for everybody that began before everything retained: older keys open nothing. */
export function neededEpoch({ fresh, log }: GroupState): number {
  let needed = 0;
  for (const { epoch, seq } of fresh) if (seq <= log.floor.seq + 1) needed = epoch;
  return needed;
}

/** What the entries that went were the last reason for, one slice. */
export function sweep(turn: GroupTurn, { found }: Fact<'sweep'>): void {
  const { state } = turn;
  const { flushed, now } = state;
  if (flushed === undefined || now?.life !== flushed.life) return;
  const needed = neededEpoch(state);
  const isGone = ({ until }: StayRecord): boolean => until <= state.log.floor.seq;
  const gone = found.stays.filter(isGone);
  const readers = new Set(found.stays.filter((stay) => !isGone(stay)).map(({ user }) => user));
  const strangers = new Set(
    gone.map(({ user }) => user).filter((user) => !readers.has(user) && !now.since.has(user)),
  );
  const seals = found.seals.filter(({ user, seal }) => seal.epoch < needed || strangers.has(user));
  const old = state.fresh.filter(({ epoch }) => epoch < needed);
  state.fresh = state.fresh.filter(({ epoch }) => epoch >= needed);
  const writes: LifeWrite[] = [
    ...seals.map(({ user, seal }): LifeWrite => ({ type: 'removeSeal', user, epoch: seal.epoch })),
    ...gone.map(({ user, until }): LifeWrite => ({ type: 'removeStay', user, until })),
    ...old.map(({ epoch }): LifeWrite => ({ type: 'removeFresh', epoch })),
  ];
  commitSlices(turn, ofLife(flushed.life, writes));
  state.sweptEpoch = needed;
  if (isOver(state)) turn.effects.push(PURGE_ON);
}

/** A group that ended, of which nobody has anything left to read or to hear. */
export function isOver({ now, flushed, log, owed }: GroupState): boolean {
  const isRead = log.floor.seq === log.head.seq && owed.open.size === 0;
  return now?.roster.ended === true && flushed === now && isRead;
}

/** The life of which a purge removes keys next; undefined: none is left over. */
export function lifeToPurge(state: GroupState): number | undefined {
  const { now, oldestLife } = state;
  if (now === undefined) return undefined;
  return oldestLife < now.life || isOver(state) ? oldestLife : undefined;
}

/** Removes keys of a life that is over, one slice; with the last life goes the root, as if the name had never been used. */
export function purge(turn: GroupTurn, { found }: Fact<'purge'>): void {
  const { state } = turn;
  const { now } = state;
  if (now === undefined || lifeToPurge(state) === undefined) return;
  if (found.keys.length > 0) {
    const writes = found.keys.map((key): GroupWrite => ({ type: 'purge', key }));
    beginCommit(turn, writes, [{ type: 'effect', effect: PURGE_ON }]);
  } else if (state.oldestLife < now.life) {
    state.oldestLife += 1;
    const record = rootOf(now, state.oldestLife);
    beginCommit(turn, [{ type: 'root', record }], [{ type: 'effect', effect: PURGE_ON }]);
  } else {
    state.now = undefined;
    state.flushed = undefined;
    state.oldestLife = 1;
    beginCommit(turn, [{ type: 'removeRoot' }]);
  }
}

/** Only after a slice is flushed: until then the store still shows its keys. */
const PURGE_ON: GroupEffect = { type: 'schedule', inMs: 0, message: { type: 'purge' } };

/** The scheduled flush: marks, and notices that were heard. */
export function flush(turn: GroupTurn): void {
  const { state } = turn;
  state.isFlushScheduled = false;
  const { marks, owed, now } = state;
  const dirty = [...marks.dirty].flatMap((user): GroupMark[] => {
    const mark = marks.all.get(user);
    return mark === undefined ? [] : [mark];
  });
  const told = [...owed.told];
  marks.dirty.clear();
  owed.told.clear();
  for (const user of told) owed.open.delete(user);
  const markWrites = dirty.map((record): LifeWrite => ({ type: 'mark', record }));
  commitSlices(turn, [
    ...(now === undefined ? [] : ofLife(now.life, markWrites)),
    ...told.map((user): GroupWrite => ({ type: 'removeOwed', user })),
  ]);
  askOwed(turn);
}

function commitSlices(turn: GroupTurn, writes: readonly GroupWrite[]): void {
  for (let from = 0; from < writes.length; from += RETENTION_SLICE_ENTRIES)
    beginCommit(turn, writes.slice(from, from + RETENTION_SLICE_ENTRIES));
}

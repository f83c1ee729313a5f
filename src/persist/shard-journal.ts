/** The journal of a shard: one record for each commit after `journalBase`, split into parts that lmdb likes. */
import { invariant } from '../protocol/errors.ts';
import {
  JOURNAL_RECORDS_KEPT,
  JOURNAL_TRIM_RECORDS,
  STORE_VALUE_BYTES_MAX,
} from '../protocol/limits.ts';
import { joinParts } from './chunks.ts';
import type { Environment } from './environment.ts';
import { decodeJournalRecord, encodeJournalRecord, journalEpoch } from './journal-record.ts';
import type { JournalRecord } from './journal-record.ts';
import { dataArea, journalArea, journalFrom, journalKey } from './physical-keys.ts';
import type { ShardState } from './shard-state.ts';
import type { ShardHead, StoreKey, Write } from './shard-store.ts';

/** Writes the record of the commit that `head` is about to name. Call it before the commit's own writes. */
export function recordCommit(
  environment: Environment,
  state: ShardState,
  head: ShardHead,
  writes: readonly Write[],
): void {
  const data = dataArea(state.shard);
  const oldValues = writes.map(({ key, isNew }) =>
    isNew === true ? undefined : environment.get(data, key),
  );
  const record = encodeJournalRecord(head.epoch, writes, oldValues);
  const area = journalArea(state.shard);
  for (let from = 0, part = 0; from < record.length; from += STORE_VALUE_BYTES_MAX, part += 1)
    environment.write(
      area,
      journalKey(head.seq, part),
      record.subarray(from, from + STORE_VALUE_BYTES_MAX),
    );
}

/** The epoch in which commit `seq` was made, as far as head and journal know. */
export function epochOf(
  environment: Environment,
  state: ShardState,
  seq: number,
): number | undefined {
  const { head, journalBase, shard } = state;
  if (seq === head.seq) return head.epoch;
  if (seq === journalBase.seq) return journalBase.epoch;
  if (seq < journalBase.seq || seq > head.seq) return undefined;
  const part = environment.get(journalArea(shard), journalKey(seq, 0));
  invariant(part !== undefined, 'a commit after the journal base has a record');
  return journalEpoch(part);
}

/** Each key touched after `seq` once; undefined when the journal does not reach back that far. */
export function keysTouchedSince(
  environment: Environment,
  state: ShardState,
  seq: number,
): Iterable<StoreKey> | undefined {
  if (seq < state.journalBase.seq || seq > state.head.seq) return undefined;
  const touched = new Map<string, StoreKey>();
  for (let next = seq + 1; next <= state.head.seq; next += 1)
    for (const { key } of readRecord(environment, state, next).old)
      touched.set(Buffer.from(key).toString('latin1'), key);
  return touched.values();
}

/** Undoes the commits after `seq`, newest first, and moves the head in memory; the caller writes it. */
export function undoCommitsAfter(environment: Environment, state: ShardState, seq: number): void {
  while (state.head.seq > seq) {
    const previous = state.head.seq - 1;
    const epoch = epochOf(environment, state, previous) ?? 0;
    undoCommit(environment, state);
    state.head = { epoch, seq: previous };
  }
}

/** Puts back what the newest commit overwrote, and removes its record. */
function undoCommit(environment: Environment, state: ShardState): void {
  const { seq } = state.head;
  const { old } = readRecord(environment, state, seq);
  const area = dataArea(state.shard);
  // A key that the commit wrote twice has its old value in both entries.
  for (const { key, value } of old) environment.write(area, key, value);
  removeRecords(environment, state, seq);
}

/**
 * Removes records beyond those kept, a slice at a time, but none after `floor`: a hand-over needs the ones that the
 * new replica has not got yet. The caller writes the head record, which holds the new base.
 */
export function trimJournal(
  environment: Environment,
  state: ShardState,
  floor: (shard: ShardState['shard']) => number | undefined,
): void {
  const excess = state.head.seq - state.journalBase.seq - JOURNAL_RECORDS_KEPT;
  if (excess < JOURNAL_TRIM_RECORDS) return;
  // Twice what comes in, so that a journal that was held back shrinks again.
  const slice = Math.min(excess, 2 * JOURNAL_TRIM_RECORDS);
  const seq = Math.min(state.journalBase.seq + slice, floor(state.shard) ?? Infinity);
  const epoch = epochOf(environment, state, seq);
  if (seq <= state.journalBase.seq || epoch === undefined) return;
  removeRecords(environment, state, state.journalBase.seq + 1, seq);
  state.journalBase = { epoch, seq };
}

/** Removes every record; the caller moves the base to the head. */
export function clearJournal(environment: Environment, state: ShardState): void {
  if (state.head.seq > state.journalBase.seq)
    removeRecords(environment, state, state.journalBase.seq + 1, state.head.seq);
}

function removeRecords(
  environment: Environment,
  state: ShardState,
  first: number,
  last = first,
): void {
  const area = journalArea(state.shard);
  const keys = { area, from: journalFrom(first), to: journalFrom(last + 1) };
  for (const [key] of environment.range(keys, { limit: Infinity, keysOnly: true }))
    environment.write(area, key, undefined);
}

function readRecord(environment: Environment, state: ShardState, seq: number): JournalRecord {
  const keys = { area: journalArea(state.shard), from: journalFrom(seq), to: journalFrom(seq + 1) };
  const parts = environment.range(keys, { limit: Infinity });
  const record = joinParts(parts.map(([, part]) => part));
  invariant(record !== undefined, 'a commit after the journal base has a record');
  return decodeJournalRecord(record);
}

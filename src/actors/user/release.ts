/** What happens when commits are flushed or refused: the only place where anything optimistic leaves the actor (I2). */
import { fail } from '../../protocol/calls.ts';
import { invariant } from '../../protocol/errors.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import { PULL_ENTRIES_MAX, PUSH_BYTES_MAX } from '../../protocol/limits.ts';
import { answer } from './commits.ts';
import { markOf, rememberHead } from './log.ts';
import type { Fact } from './messages.ts';
import { askOwed } from './owed.ts';
import { attached } from './sessions.ts';
import type { Release, UserTurn } from './state.ts';

/** Every commit up to `message.commit` is flushed: releases what waited, in order. */
export function committed(turn: UserTurn, message: Fact<'committed'>): void {
  const { state } = turn;
  const { commits } = state;
  const entries: LogEntry[] = [];
  for (let id = commits.done + 1; id <= message.commit; id += 1) {
    const releases = commits.waiting.get(id) ?? [];
    commits.waiting.delete(id);
    commits.done = id;
    for (const release of releases) releaseOne(turn, release, entries);
  }
  pushEntries(turn, entries);
  if (entries.length > 0) turn.effects.push({ type: 'count', what: 'stored', by: entries.length });
  if (state.newVault !== undefined && state.newVault.commit <= commits.done)
    state.newVault = undefined;
  for (const [source, { commit }] of state.seenExpired)
    if (commit <= commits.done) state.seenExpired.delete(source);
}

function releaseOne(turn: UserTurn, release: Release, entries: LogEntry[]): void {
  switch (release.type) {
    case 'reply':
      answer(turn, release.to, release.value);
      break;
    case 'effect':
      turn.effects.push(release.effect);
      break;
    case 'entry':
      releaseEntry(turn, release);
      entries.push(release.entry);
      break;
    case 'attach':
      // Entries released so far belong to the sessions that were there before.
      pushEntries(turn, entries.splice(0));
      attached(turn, release);
      break;
    case 'owed':
      askOwed(turn);
      break;
  }
}

function releaseEntry(turn: UserTurn, release: Extract<Release, { type: 'entry' }>): void {
  const { log, commits } = turn.state;
  const { entry, head, to } = release;
  invariant(head.seq === log.committed.seq + 1, 'entries are released in sequence order');
  log.committed = markOf(head);
  rememberHead(log, head);
  commits.bytes -= entry.envelope.body.length;
  answer(turn, to, { seq: entry.seq, at: entry.at, last: entry.envelope.counter });
}

/** One push per session for everything released together, split where it would not fit a frame. */
function pushEntries(turn: UserTurn, entries: readonly LogEntry[]): void {
  const { state, effects } = turn;
  if (entries.length === 0 || state.sessions.size === 0) return;
  for (const batch of splitEntries(entries))
    for (const { session } of state.sessions.values())
      effects.push({
        type: 'push',
        session,
        push: { type: 'entries', log: state.user, entries: batch },
      });
}

function splitEntries(entries: readonly LogEntry[]): LogEntry[][] {
  const batches: LogEntry[][] = [];
  let batch: LogEntry[] = [];
  let batchBytes = 0;
  for (const entry of entries) {
    const { length } = entry.envelope.body;
    if (
      batch.length === 0 ||
      batch.length >= PULL_ENTRIES_MAX ||
      batchBytes + length > PUSH_BYTES_MAX
    ) {
      batch = [];
      batchBytes = 0;
      batches.push(batch);
    }
    batch.push(entry);
    batchBytes += length;
  }
  return batches;
}

/**
 * A commit was refused. The state holds what the store does not, so this life ends; everybody who waits for a commit is
 * told and may ask the next life, which answers from the store.
 */
export function commitFailed({ state, effects }: UserTurn, { error }: Fact<'commitFailed'>): void {
  for (const releases of state.commits.waiting.values())
    for (const release of releases)
      if (release.type !== 'effect' && release.type !== 'owed' && release.to !== 0)
        effects.push({ type: 'reply', to: release.to, outcome: fail(error) });
  state.commits.waiting.clear();
  effects.push({ type: 'drop', error });
}

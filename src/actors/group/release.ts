/** What happens when commits are flushed or refused: the only place where anything optimistic leaves the actor (I2). */
import { fail } from '../../protocol/calls.ts';
import { invariant } from '../../protocol/errors.ts';
import type { GroupEntry } from '../../protocol/group-log.ts';
import type { UserId } from '../../protocol/ids.ts';
import { PULL_ENTRIES_MAX, PUSH_BYTES_MAX } from '../../protocol/limits.ts';
import { answer, refuse } from './commits.ts';
import { entryBytes } from './group-reader.ts';
import { endInterest } from './interest.ts';
import type { Fact } from './messages.ts';
import { askOwed } from './owed.ts';
import type { GroupTurn, Release } from './state.ts';

type EntryRelease = Extract<Release, { type: 'entry' }>;

/** Every commit up to `message.commit` is flushed: releases what waited, in order. */
export function committed(turn: GroupTurn, message: Fact<'committed'>): void {
  const { commits, taken } = turn.state;
  const batch = new PushBatch(turn);
  for (let id = commits.done + 1; id <= message.commit; id += 1) {
    const releases = commits.waiting.get(id) ?? [];
    commits.waiting.delete(id);
    commits.done = id;
    for (const release of releases) releaseOne(turn, release, batch);
  }
  batch.push();
  for (const [position, { commit }] of taken) if (commit <= commits.done) taken.delete(position);
}

function releaseOne(turn: GroupTurn, release: Release, batch: PushBatch): void {
  switch (release.type) {
    case 'reply':
      return answer(turn, release.to, release.value);
    case 'refusal':
      return refuse(turn, release.to, release.error);
    case 'entry':
      releaseEntry(turn, release);
      return batch.add(release);
    case 'effect':
      turn.effects.push(release.effect);
      return undefined;
    case 'owed':
      return askOwed(turn);
  }
}

function releaseEntry(turn: GroupTurn, { mark, view, to, value }: EntryRelease): void {
  const { state } = turn;
  const isNext = mark.seq === state.log.committed.seq + 1;
  invariant(isNext, 'entries are released in sequence order');
  state.commits.bytes -= mark.bytes - state.log.committed.bytes;
  state.log.committed = mark;
  if (view !== undefined) state.flushed = view;
  answer(turn, to, value);
}

/** Entries on their way to the nodes: as many in one as fit a frame, and none to who was put out before. */
class PushBatch {
  readonly #turn: GroupTurn;
  #entries: GroupEntry[] = [];
  #bytes = 0;

  constructor(turn: GroupTurn) {
    this.#turn = turn;
  }

  add({ entry, ended }: EntryRelease): void {
    const bytes = entryBytes(entry);
    const isFull = this.#entries.length >= PULL_ENTRIES_MAX || this.#bytes + bytes > PUSH_BYTES_MAX;
    if (isFull) this.push();
    this.#entries.push(entry);
    this.#bytes += bytes;
    const isForgotten = this.#turn.state.settings.bugs?.pushesToFormer === true;
    if (ended.length > 0 && !isForgotten) this.push(ended);
  }

  push(ended: readonly UserId[] = []): void {
    const { state, effects } = this.#turn;
    const { flushed, nodes, group } = state;
    const entries = this.#entries;
    if (entries.length === 0) return;
    this.#entries = [];
    this.#bytes = 0;
    effects.push({ type: 'count', what: 'stored', by: entries.length });
    if (flushed === undefined || nodes.size === 0) return;
    const { incarnation } = flushed.roster;
    const news = { type: 'entries', group, incarnation, entries, ended } as const;
    effects.push({ type: 'fanOut', nodes: [...nodes.keys()], news });
    endInterest(this.#turn, ended);
  }
}

/**
 * A commit was refused. The state holds what the store does not, so this life ends; everybody who waits for a commit is
 * told and may ask the next life, which answers from the store.
 */
export function commitFailed({ state, effects }: GroupTurn, { error }: Fact<'commitFailed'>): void {
  for (const releases of state.commits.waiting.values())
    for (const release of releases)
      if (release.type !== 'owed' && release.type !== 'effect' && release.to !== 0)
        effects.push({ type: 'reply', to: release.to, outcome: fail(error) });
  state.commits.waiting.clear();
  effects.push({ type: 'drop', error });
}

/** What a drain was like for those who were moved, from the journal of their clients. */
import { judge } from '../faults/verdict/checker.ts';
import type { Violation } from '../faults/verdict/checker.ts';
import type { JournalEvent } from '../faults/verdict/journal.ts';

export interface DrainFigures {
  readonly sent: number;
  /** Sends that were given up; each is a failure. */
  readonly failed: number;
  readonly violations: readonly Violation[];
  /** Sessions that were moved, each time counted. */
  readonly moved: number;
  /** Clients that did not come back. */
  readonly away: number;
  /** How long a client that was moved had no session, milliseconds. */
  readonly pauseP50Ms: number;
  readonly pauseP99Ms: number;
  readonly pauseMaxMs: number;
  /** Of every send, from the call to the answer. */
  readonly storedP99Ms: number;
  readonly storedMaxMs: number;
  /** Most logins within any second. */
  readonly loginsPerSecondMax: number;
}

const SECOND_MS = 1000;

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

const ascending = (numbers: readonly number[]): readonly number[] =>
  numbers.toSorted((left, right) => left - right);

/** The most points that fit into any window of that length. */
export function mostWithin(times: readonly number[], windowMs: number): number {
  const sorted = ascending(times);
  let most = 0;
  let first = 0;
  for (const [index, time] of sorted.entries()) {
    while (time - (sorted[first] ?? time) >= windowMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}

interface Moves {
  readonly pauses: readonly number[];
  readonly away: number;
  readonly logins: readonly number[];
}

function movesIn(events: readonly JournalEvent[]): Moves {
  const lostAt = new Map<string, number>();
  const pauses: number[] = [];
  const logins: number[] = [];
  for (const event of events) {
    if (event.is === 'disconnected') lostAt.set(event.by, event.at);
    if (event.is !== 'connected') continue;
    logins.push(event.at);
    const since = lostAt.get(event.by);
    if (since !== undefined) pauses.push(event.at - since);
    lostAt.delete(event.by);
  }
  return { pauses: ascending(pauses), away: lostAt.size, logins };
}

function storedMs(events: readonly JournalEvent[]): readonly number[] {
  const sentAt = new Map<string, number>();
  const times: number[] = [];
  for (const event of events) {
    if (event.is === 'sent') sentAt.set(event.id, event.at);
    if (event.is === 'acknowledged') times.push(event.at - (sentAt.get(event.id) ?? event.at));
  }
  return ascending(times);
}

/** `events`: everything that the clients saw from `fromMs` on, by time, to the end of the run. */
export function drainFigures(all: readonly JournalEvent[], fromMs: number): DrainFigures {
  const events = all.filter(({ at }) => at >= fromMs);
  const { counts, violations } = judge(all);
  const { pauses, away, logins } = movesIn(events);
  const stored = storedMs(events);
  return {
    sent: counts.sent,
    failed: Object.values(counts.refused).reduce((sum, count) => sum + count, 0),
    violations,
    moved: pauses.length,
    away,
    pauseP50Ms: quantile(pauses, 0.5),
    pauseP99Ms: quantile(pauses, 0.99),
    pauseMaxMs: pauses.at(-1) ?? 0,
    storedP99Ms: quantile(stored, 0.99),
    storedMaxMs: stored.at(-1) ?? 0,
    loginsPerSecondMax: mostWithin(logins, SECOND_MS),
  };
}

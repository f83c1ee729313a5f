/**
 * How long conversations stood still. The stall of a conversation in a fault is the longest that one of its messages
 * waited for its acknowledgement, counted from the fault or, when sent later, from the sending.
 */
import type { Fault, JournalEvent } from './journal.ts';

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface FaultStalls {
  readonly what: string;
  readonly at: number;
  /** Of the conversations whose recipient's shard or whose sender's session was on a node that was hurt. */
  readonly hurtMs: readonly number[];
  /** Of these, the ones whose recipient's shard was there, and the ones whose sender's session was. */
  readonly ownerMs: readonly number[];
  readonly sessionMs: readonly number[];
  /** Of every conversation. */
  readonly allMs: readonly number[];
  /** The longest time in which no conversation of the whole cluster got an acknowledgement. */
  readonly silenceMs: number;
}

interface Span {
  readonly fault: Fault;
  readonly from: number;
  readonly until: number;
  /** The senders with a session on a node that was hurt. */
  readonly senders: ReadonlySet<string>;
}

interface Asked {
  readonly conversation: string;
  readonly from: string;
  readonly to: string;
  readonly sentAt: number;
  answeredAt?: number;
}

export function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

/** From one fault to the moment at which everything had recovered from it, or the next fault. */
function spansOf(events: readonly JournalEvent[]): readonly Span[] {
  const spans: Span[] = [];
  const sessions = new Map<string, string>();
  let open: Omit<Span, 'until'> | undefined;
  const end = (at: number): void => {
    if (open !== undefined) spans.push({ ...open, until: at });
    open = undefined;
  };
  for (const event of events) {
    if (event.is === 'connected') sessions.set(event.by, event.node);
    if (event.is === 'recovered') end(event.at);
    if (event.is !== 'fault') continue;
    end(event.at);
    const hurt = [...sessions].filter(([, node]) => event.nodes.includes(node));
    open = { fault: event, from: event.at, senders: new Set(hurt.map(([user]) => user)) };
  }
  end(events.at(-1)?.at ?? 0);
  return spans;
}

function askedIn(events: readonly JournalEvent[]): readonly Asked[] {
  const asked = new Map<string, Asked>();
  for (const event of events) {
    if (event.is === 'sent') {
      const { from, to, at } = event;
      asked.set(event.id, { conversation: `${from}>${to}`, from, to, sentAt: at });
    }
    if (event.is !== 'acknowledged' && event.is !== 'refused') continue;
    const message = asked.get(event.id);
    if (message !== undefined) message.answeredAt ??= event.at;
  }
  return [...asked.values()];
}

function stallsIn(span: Span, asked: readonly Asked[]): FaultStalls {
  const hurtUsers = new Set(span.fault.users);
  const stalls = new Map<string, number>();
  const owner = new Set<string>();
  const session = new Set<string>();
  const answers: number[] = [];
  for (const { conversation, from, to, sentAt, answeredAt = span.until } of asked) {
    if (sentAt > span.until || answeredAt < span.from) continue;
    const waited = Math.min(answeredAt, span.until) - Math.max(sentAt, span.from);
    stalls.set(conversation, Math.max(stalls.get(conversation) ?? 0, waited));
    if (hurtUsers.has(to)) owner.add(conversation);
    if (span.senders.has(from)) session.add(conversation);
    if (answeredAt <= span.until) answers.push(answeredAt);
  }
  const times = [span.from, ...answers.sort((left, right) => left - right)];
  const gaps = times.map((at, index) => at - (times[index - 1] ?? at));
  const of = (isOne: (name: string) => boolean): readonly number[] =>
    [...stalls].filter(([name]) => isOne(name)).map(([, stall]) => stall);
  return {
    what: span.fault.what,
    at: span.from,
    hurtMs: of((name) => owner.has(name) || session.has(name)),
    ownerMs: of((name) => owner.has(name)),
    sessionMs: of((name) => session.has(name)),
    allMs: [...stalls.values()],
    silenceMs: gaps.reduce((most, gap) => Math.max(most, gap), 0),
  };
}

/** The stalls of every fault of a run, in order. `events` are given by time. */
export function stallsOf(events: readonly JournalEvent[]): readonly FaultStalls[] {
  const asked = askedIn(events);
  return spansOf(events).map((span) => stallsIn(span, asked));
}

/** What a gate counts since its start, and the events that go with it. */
import type { SessionCount } from '../actors/session/messages.ts';
import type { EventName } from '../ops/log-events.ts';
import type { Log } from '../ops/log.ts';
import { Histogram, SECONDS } from '../ops/metric-types.ts';

export type GateCounts = Readonly<Record<SessionCount, number>>;

/** Counts that somebody may want to look up in the log; the others are too many. */
const LOGGED: Partial<Record<SessionCount, EventName>> = {
  loginsRefused: 'login_refused',
  registrations: 'registration_done',
  badFrames: 'bad_frame',
  loginsLimited: 'rate_limited',
  registrationsLimited: 'rate_limited',
  requestsLimited: 'rate_limited',
};

export class GateCounter {
  /** Seconds from asking the owner of a message to store it to its answer that it has. */
  readonly storeTimes = new Histogram(SECONDS);
  readonly #log: Log;
  readonly #counts: Record<SessionCount, number> = {
    loginsAccepted: 0,
    loginsRefused: 0,
    loginsRedirected: 0,
    loginsLimited: 0,
    passwordsRefused: 0,
    proofsRefused: 0,
    clonesRefused: 0,
    ticketsAccepted: 0,
    ticketsExpired: 0,
    ticketsForged: 0,
    ticketsReplayed: 0,
    ticketsElsewhere: 0,
    registrations: 0,
    registrationsLimited: 0,
    requestsLimited: 0,
    badFrames: 0,
    pushesHeld: 0,
    messagesStored: 0,
    messagesRefused: 0,
  };

  constructor(log: Log) {
    this.#log = log;
  }

  get counts(): GateCounts {
    return this.#counts;
  }

  stored(ms: number): void {
    this.storeTimes.observeMs(ms);
  }

  add(what: SessionCount, source: string): void {
    this.#counts[what] += 1;
    const event = LOGGED[what];
    if (event !== undefined) this.#log.event('debug', event, { source });
  }
}

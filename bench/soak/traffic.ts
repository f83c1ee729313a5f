/**
 * What people do all day, on raw links: they come by device key or password, write to each other whether the other is
 * there or not, vanish without a word, come back, make accounts. Every user checks what it gets: all of it, once, in order.
 */
import { performance } from 'node:perf_hooks';
import { parseUserId } from '../../src/protocol/ids.ts';
import type { Random } from '../../src/ops/random.ts';
import type { BenchAccount } from '../account.ts';
import type { Attached, Logins } from '../generator/login.ts';
import { Flow, Session } from '../generator/session.ts';
import { Tally } from '../generator/tally.ts';

export interface TrafficOptions {
  readonly logins: Logins;
  readonly random: Random;
  /** Even: users write to each other in pairs. */
  readonly users: number;
  readonly messagesPerSecond: number;
  readonly bodyBytes: number;
}

/** What was done since the start. */
export interface TrafficCounts {
  sent: number;
  stored: number;
  delivered: number;
  logins: number;
  resumed: number;
  passwordLogins: number;
  registrations: number;
  departures: number;
}

const SEND_INTERVAL_MS = 20;
/** So many times a second somebody comes or goes, and so rarely somebody new registers. */
const CHANGES_PER_SECOND = 4;
const REGISTRATION_INTERVAL_MS = 5000;
const PASSWORD_SHARE = 0.1;
const RESUMED_SHARE = 0.6;
/** Of those who are there, this share is among the next to go. */
const ONLINE_SHARE = 0.7;
const SETTLE_LIMIT_MS = 30_000;
const POLL_MS = 10;

/** One account and what its device has on its disk: what it received, what it sent and what of that was answered. */
interface Person {
  readonly account: BenchAccount;
  readonly outbound: Flow;
  session: Session | undefined;
  isBusy: boolean;
  ticket: Buffer | undefined;
  /** Newest entry of the inbox, and the counter in it. */
  received: number;
  lastCounter: number;
}

export class Traffic {
  readonly counts: TrafficCounts = {
    sent: 0,
    stored: 0,
    delivered: 0,
    logins: 0,
    resumed: 0,
    passwordLogins: 0,
    registrations: 0,
    departures: 0,
  };
  /** What must not happen, in words; the first few of each kind are enough. */
  readonly problems: string[] = [];
  readonly #options: TrafficOptions;
  readonly #tally = new Tally();
  readonly #people: Person[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #due = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** Makes the accounts and brings everybody in. */
  async open(): Promise<void> {
    const { users, logins, bodyBytes } = this.#options;
    const accounts: BenchAccount[] = [];
    for (let index = 0; index < users; index += 1)
      accounts.push(await logins.register(parseUserId(`@soak-${index}`)));
    for (const [index, account] of accounts.entries()) {
      const other = accounts[index ^ 1] ?? account;
      const outbound = new Flow(account, other, bodyBytes);
      const nothing = { session: undefined, isBusy: false, ticket: undefined };
      this.#people.push({ account, outbound, ...nothing, received: 0, lastCounter: 0 });
    }
    for (const person of this.#people) await this.#come(person);
  }

  start(): void {
    const change = (): void => this.#change();
    const register = (): void => void this.#register();
    this.#timers.push(
      setInterval(() => this.#send(), SEND_INTERVAL_MS),
      setInterval(change, 1000 / CHANGES_PER_SECOND),
      setInterval(register, REGISTRATION_INTERVAL_MS),
    );
  }

  /** Ends the traffic, brings everybody in, and waits until everything sent is stored and everything stored is there. */
  async settle(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#until('logins end', () => this.#people.every(({ isBusy }) => !isBusy));
    for (const person of this.#people) if (person.session === undefined) await this.#come(person);
    await this.#until('all is stored', () =>
      this.#people.every(({ outbound }) => outbound.stored === outbound.sent),
    );
    await this.#until('all is delivered', () =>
      this.#people.every((person, index) => {
        this.#check(person);
        return person.lastCounter === this.#people[index ^ 1]?.outbound.stored;
      }),
    );
  }

  /** Drops every link. */
  close(): void {
    for (const person of this.#people) this.#leave(person);
  }

  /** Counts since the start; also checks what came since the last look. */
  look(): TrafficCounts {
    for (const person of this.#people) this.#check(person);
    const { counts } = this;
    counts.sent = this.#people.reduce((sum, { outbound }) => sum + outbound.sent, 0);
    counts.stored = this.#people.reduce((sum, { outbound }) => sum + outbound.stored, 0);
    const { refusals } = this.#tally.take();
    for (const [code, count] of Object.entries(refusals))
      this.#problem(`${count} messages were refused with ${code}`);
    return { ...counts };
  }

  #send(): void {
    this.#due += (this.#options.messagesPerSecond * SEND_INTERVAL_MS) / 1000;
    const now = performance.now();
    for (; this.#due >= 1; this.#due -= 1) {
      const { session } = this.#anybody();
      if (session?.link.isOpen !== true) continue;
      session.sendOne(now);
      session.link.flush();
    }
  }

  #change(): void {
    const person = this.#anybody();
    if (person.isBusy) return;
    if (person.session === undefined) void this.#come(person);
    else if (this.#options.random.fraction() > ONLINE_SHARE) this.#leave(person);
    else void this.#comeBack(person);
  }

  /** Reconnects at once, as after a change of networks. */
  async #comeBack(person: Person): Promise<void> {
    this.#leave(person);
    await this.#come(person);
  }

  #leave(person: Person): void {
    const { session } = person;
    if (session === undefined) return;
    this.#check(person);
    person.received = session.received;
    person.session = undefined;
    session.link.onClose = undefined;
    session.link.destroy();
    this.counts.departures += 1;
  }

  async #come(person: Person): Promise<void> {
    person.isBusy = true;
    try {
      this.#arrived(person, await this.#logIn(person));
    } catch (cause) {
      this.#problem(`a login failed: ${String(cause)}`);
    } finally {
      person.isBusy = false;
    }
  }

  async #logIn({ account, ticket }: Person): Promise<Attached> {
    const { logins, random } = this.#options;
    this.counts.logins += 1;
    if (random.fraction() < PASSWORD_SHARE) {
      this.counts.passwordLogins += 1;
      return await logins.byPassword(account);
    }
    const resumes = ticket !== undefined && random.fraction() < RESUMED_SHARE;
    return await logins.byDevice(account, resumes ? ticket : undefined);
  }

  #arrived(person: Person, attached: Attached): void {
    const { link } = attached;
    if (link.isResumed) this.counts.resumed += 1;
    const session = new Session(person.account, attached, this.#tally);
    session.counters = [];
    session.received = Math.max(person.received, session.received);
    session.outbound = person.outbound;
    link.onClose = (reason) => this.#problem(`the node closed a link: ${reason}`);
    person.session = session;
    this.#sendAgain(person);
    void session.drain();
    link.flush();
  }

  /** What was not answered is sent with the same counters: stored or not, it counts once. */
  #sendAgain({ session, outbound }: Person): void {
    const unanswered = outbound.sent - outbound.stored;
    outbound.sent = outbound.stored;
    const now = performance.now();
    for (let left = unanswered; left > 0; left -= 1) session?.sendOne(now);
    session?.link.flush();
  }

  #check(person: Person): void {
    const { session, account } = person;
    if (session === undefined) return;
    person.ticket = session.link.ticket ?? person.ticket;
    for (const counter of session.counters ?? []) {
      if (counter !== person.lastCounter + 1)
        this.#problem(`${account.user} got ${counter} after ${person.lastCounter}`);
      person.lastCounter = counter;
      this.counts.delivered += 1;
    }
    session.counters = [];
  }

  async #register(): Promise<void> {
    this.counts.registrations += 1;
    const name = `@soak-new-${this.counts.registrations}`;
    await this.#options.logins.register(parseUserId(name)).catch((cause: unknown) => {
      this.#problem(`a registration failed: ${String(cause)}`);
    });
  }

  #anybody(): Person {
    const index = Math.floor(this.#options.random.fraction() * this.#people.length);
    const person = this.#people[index];
    if (person === undefined) throw new Error('there is nobody');
    return person;
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const endMs = performance.now() + SETTLE_LIMIT_MS;
    while (!isSo()) {
      if (performance.now() > endMs)
        return this.#problem(`not within ${SETTLE_LIMIT_MS} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #problem(text: string): void {
    this.problems.push(text);
  }
}

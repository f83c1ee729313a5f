/** All sessions of one load generator process. */
import { performance } from 'node:perf_hooks';
import { parseUserId } from '../../src/protocol/ids.ts';
import type { BenchAccount } from '../account.ts';
import type { Commands, FlowPlan, FlowState } from './commands.ts';
import { Crowd } from './crowd.ts';
import { GroupFleet } from './group-fleet.ts';
import { Logins } from './login.ts';
import { Refused } from './raw-link.ts';
import { Flow, Session } from './session.ts';
import { Tally } from './tally.ts';

/** Below what a gate admits unauthenticated from one address. */
const LOGINS_AT_ONCE = 48;
const PACE_INTERVAL_MS = 1;
const SETTLE_POLL_MS = 5;

async function each<T>(
  items: readonly T[],
  slots: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: slots }, work));
}

export class Fleet implements Commands {
  readonly #tally = new Tally();
  readonly #accounts = new Map<string, BenchAccount>();
  readonly #sessions = new Map<string, Session>();
  readonly #groups = new GroupFleet(this.#tally);
  readonly #tickets = new Map<string, Buffer>();
  #flows: Flow[] = [];
  #logins: Logins | undefined;
  #crowd: Crowd | undefined;
  #bodyBytes = 0;
  #pacer: NodeJS.Timeout | undefined;
  #isStopped = false;

  readonly prepare: Commands['prepare'] = ({ url, accounts, bodyBytes }) => {
    this.#logins = new Logins(url);
    this.#bodyBytes = bodyBytes;
    for (const account of accounts) this.#accounts.set(account.user, account);
  };

  readonly register: Commands['register'] = async (users) => {
    const made: BenchAccount[] = [];
    await each(users, LOGINS_AT_ONCE, async (user) => {
      made.push(await this.#dialler.register(parseUserId(user)));
    });
    for (const account of made) this.#accounts.set(account.user, account);
    return made;
  };

  readonly attach: Commands['attach'] = (users) =>
    each(users, LOGINS_AT_ONCE, async (user) => {
      const account = this.#account(user);
      this.#sessions.set(
        user,
        new Session(account, await this.#dialler.byDevice(account), this.#tally),
      );
    });

  readonly plan: Commands['plan'] = (plans: readonly FlowPlan[]) => {
    this.#flows = plans.map(({ from, to }) => this.#flowOf(from, to));
    for (const flow of this.#flows) {
      this.#session(flow.from).outbound = flow;
      const recipient = this.#sessions.get(flow.to);
      if (recipient !== undefined) recipient.inbound = flow;
    }
  };

  readonly saturate: Commands['saturate'] = ({ window, max }) => {
    for (const { from } of this.#flows) {
      const session = this.#session(from);
      session.window = window;
      session.sendMax = max ?? Infinity;
      session.fill();
    }
  };

  readonly pace: Commands['pace'] = (perSecond) => {
    const startedMs = performance.now();
    const senders = this.#flows.map(({ from }) => this.#session(from));
    let sent = 0;
    this.#pacer = setInterval(() => {
      const now = performance.now();
      const due = ((now - startedMs) * perSecond) / 1000;
      for (; sent < due; sent += 1) {
        const sender = senders[sent % senders.length];
        if (sender?.sendOne(now) === false) this.#tally.refuse('NOT_SENT');
        sender?.link.flush();
      }
    }, PACE_INTERVAL_MS);
  };

  readonly stop: Commands['stop'] = () => {
    this.#isStopped = true;
    clearInterval(this.#pacer);
    for (const session of this.#sessions.values()) session.window = 0;
  };

  readonly settle: Commands['settle'] = () =>
    new Promise((resolve) => {
      const timer = setInterval(() => {
        if (
          this.#flows.some(
            (flow) => flow.stored < flow.sent && this.#session(flow.from).link.isOpen,
          )
        )
          return;
        clearInterval(timer);
        resolve();
      }, SETTLE_POLL_MS);
    });

  readonly drain: Commands['drain'] = async (users, keepCounters) => {
    const sessions = users.map((user) => this.#session(user));
    for (const session of sessions)
      session.counters = keepCounters ? (session.counters ?? []) : undefined;
    await Promise.all(sessions.map((session) => session.drain()));
    return Object.fromEntries(
      sessions.map(({ account, counters }) => [account.user, counters ?? []]),
    );
  };

  readonly login: Commands['login'] = ({ users, slots, by, resume }) => {
    this.#isStopped = false;
    for (let slot = 0; slot < slots; slot += 1) {
      const mine = users.filter((_, index) => index % slots === slot);
      void this.#loginForever(mine, by, resume);
    }
  };

  readonly crowd: Commands['crowd'] = (size) => {
    this.#crowd = new Crowd(this.#dialler.gate(), size);
  };

  readonly disperse: Commands['disperse'] = () => {
    this.#crowd?.disperse();
    return this.#crowd?.dials ?? 0;
  };

  readonly snapshot: Commands['snapshot'] = () => this.#tally.take();

  readonly flows: Commands['flows'] = (): readonly FlowState[] =>
    this.#flows.map(({ from, to, sent, stored }) => ({ from, to, sent, stored }));

  readonly drop: Commands['drop'] = () => {
    for (const { link } of this.#sessions.values()) link.destroy();
    this.#sessions.clear();
    // What was sent and not answered is sent again, with the same counters.
    for (const flow of this.#flows) flow.sent = flow.stored;
  };

  readonly groupAttach: Commands['groupAttach'] = (users) => {
    const numbers = new Map([...this.#accounts.keys()].map((user, index) => [user, index]));
    return each(users, LOGINS_AT_ONCE, async (user) => {
      if (this.#groups.has(user)) return;
      const account = this.#account(user);
      const index = numbers.get(user) ?? 0;
      this.#groups.add(account, await this.#dialler.byDevice(account), index);
    });
  };

  readonly groupMake: Commands['groupMake'] = (name, members) => this.#groups.make(name, members);

  readonly groupFollow: Commands['groupFollow'] = (made, users, fromStart) =>
    this.#groups.follow(made, users, fromStart);

  readonly groupSend: Commands['groupSend'] = (load) => this.#groups.send(load);
  readonly groupPull: Commands['groupPull'] = (users, head) => this.#groups.pull(users, head);
  readonly groupReached: Commands['groupReached'] = (users, head) =>
    this.#groups.reached(users, head);
  readonly groupDigest: Commands['groupDigest'] = () => this.#groups.digest();

  readonly accounts: Commands['accounts'] = () => [...this.#accounts.values()];

  /** A flow that was planned before goes on with its counters. */
  #flowOf(from: string, to: string): Flow {
    const known = this.#flows.find((flow) => flow.from === from && flow.to === to);
    return known ?? new Flow(this.#account(from), this.#account(to), this.#bodyBytes);
  }

  async #loginForever(
    users: readonly string[],
    by: 'password' | 'device',
    resume: boolean,
  ): Promise<void> {
    while (!this.#isStopped)
      for (const user of users) {
        if (this.#isStopped) return;
        await this.#loginOnce(this.#account(user), by, resume).catch((cause: unknown) => {
          this.#tally.refuse(cause instanceof Refused ? cause.code : String(cause));
        });
      }
  }

  async #loginOnce(
    account: BenchAccount,
    by: 'password' | 'device',
    resume: boolean,
  ): Promise<void> {
    const startedMs = performance.now();
    const ticket = resume ? this.#tickets.get(account.user) : undefined;
    const { link } =
      by === 'password'
        ? await this.#dialler.byPassword(account)
        : await this.#dialler.byDevice(account, ticket);
    this.#tally.login.record(performance.now() - startedMs);
    this.#tally.logins += 1;
    if (link.isResumed) this.#tally.resumed += 1;
    if (link.ticket !== undefined) this.#tickets.set(account.user, link.ticket);
    link.destroy();
  }

  get #dialler(): Logins {
    if (this.#logins === undefined) throw new Error('not prepared');
    return this.#logins;
  }

  #account(user: string): BenchAccount {
    const account = this.#accounts.get(user);
    if (account === undefined) throw new Error(`no account ${user}`);
    return account;
  }

  #session(user: string): Session {
    const session = this.#sessions.get(user);
    if (session === undefined) throw new Error(`${user} is not attached`);
    return session;
  }
}

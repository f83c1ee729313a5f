/** People at `fastchat rpc` processes and what they do in groups: asks under their names and waits for what they are told. */
import type { Rpc, RpcEvent } from './processes.ts';

export const PASSWORD = 'correct horse battery';

/** A `group` event without what says whose it is: what, whom, by whom, the epoch. */
export type Told = readonly [change: string, user: string, by: string, epoch: number];

const textOf = ({ text }: any): string => String(text);

export class GroupTalk {
  readonly #seats = new Map<string, Rpc>();
  #groups = 0;

  /** The process where somebody is logged in. */
  seat(account: string): Rpc {
    const rpc = this.#seats.get(account);
    if (rpc === undefined) throw new Error(`${account} has no seat`);
    return rpc;
  }

  /** Registers accounts at one process and logs them in. */
  async arrive(at: Rpc, ...accounts: readonly string[]): Promise<void> {
    await Promise.all(
      accounts.map(async (account) => {
        await at.call('register', { account, password: PASSWORD });
        await this.enter(at, account);
      }),
    );
  }

  /** Logs in at a process, which is where this person sits from now on. */
  async enter(at: Rpc, account: string): Promise<{ node: string; pending: number }> {
    this.#seats.set(account, at);
    return at.call('login', { account, password: PASSWORD });
  }

  async leave(account: string): Promise<void> {
    await this.call(account, 'logout');
  }

  call(account: string, method: string, params: Record<string, unknown> = {}): Promise<any> {
    return this.seat(account).call(method, { account, ...params });
  }

  /** The code that a call is refused with. */
  async code(
    account: string,
    method: string,
    params: Record<string, unknown> = {},
  ): Promise<string> {
    return (await this.seat(account).refusal(method, { account, ...params })).code;
  }

  send(account: string, group: string, text: string, more = {}): Promise<any> {
    return this.call(account, 'send', { to: group, text, ...more });
  }

  /** A name that no group had. */
  name(): string {
    this.#groups += 1;
    return `#group-${this.#groups}`;
  }

  /** A new group; resolves when everybody in it knows. */
  async found(admin: string, ...members: readonly string[]): Promise<string> {
    const group = this.name();
    await this.call(admin, 'group.create', { group, members: members.map((name) => `@${name}`) });
    for (const name of [admin, ...members]) await this.told(name, group, 'created');
    return group;
  }

  /** The first event, past or coming, that says so. */
  told(account: string, group: string, change: string, user?: string): Promise<RpcEvent> {
    return this.seat(account).event(
      (event) =>
        this.#isTold(event, account, group) &&
        event['change'] === change &&
        (user === undefined || event['user'] === `@${user}`),
    );
  }

  /** Resolves when somebody was told of so many changes in all. */
  async toldCount(account: string, group: string, count: number): Promise<void> {
    await this.seat(account).eventCount(count, (event) => this.#isTold(event, account, group));
  }

  /** What somebody was told of a group so far, in order. */
  changes(account: string, group: string): Told[] {
    return this.seat(account)
      .events.filter((event) => this.#isTold(event, account, group))
      .map(({ change, user, by, epoch }) => [change, user, by, epoch] as Told);
  }

  heard(account: string, group: string, text: string): Promise<RpcEvent> {
    return this.seat(account).event(
      (event) => this.#isMessage(event, account, group) && event['text'] === text,
    );
  }

  /** Texts of the messages that somebody was shown in a group so far, in order. */
  shown(account: string, group: string): string[] {
    return this.seat(account)
      .events.filter((event) => this.#isMessage(event, account, group))
      .map(textOf);
  }

  async history(account: string, group: string): Promise<any[]> {
    return this.call(account, 'history', { conversation: group, limit: 1000 });
  }

  async texts(account: string, group: string): Promise<string[]> {
    return (await this.history(account, group)).map(textOf);
  }

  /** Members as somebody sees them: `[user, role]`, by name. */
  async members(account: string, group: string): Promise<[string, string][]> {
    const { members } = await this.call(account, 'group.info', { group });
    return members.map(({ user, role }: any) => [user, role]);
  }

  #isTold({ type, account, group }: RpcEvent, wanted: string, of: string): boolean {
    return type === 'group' && account === `@${wanted}` && group === of;
  }

  #isMessage({ type, account, conversation }: RpcEvent, wanted: string, of: string): boolean {
    return type === 'message' && account === `@${wanted}` && conversation === of;
  }
}

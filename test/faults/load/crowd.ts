/** All virtual users of a load process, the rate they write at, and what of it is still open. */
import { parseConnectUrl } from '../../../src/client/connect-url.ts';
import { createPasswordClient } from '../../../src/crypto/opening/opaque-client.ts';
import { createOpeningSuite } from '../../../src/crypto/opening/opening-suite.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import type { Address } from '../../../src/protocol/ids.ts';
import { JournalWriter, monoMs } from '../verdict/journal.ts';
import type { NewEvent } from '../verdict/journal.ts';
import { loadGroups, loadUser } from './groups.ts';
import type { LoadGroup } from './groups.ts';
import { createLoadSuite } from './load-suite.ts';
import { LoadUser } from './load-user.ts';
import type { LoadUserPorts } from './load-user.ts';

export interface CrowdPlan {
  readonly url: string;
  readonly journal: string;
  readonly users: number;
  /** Everybody writes to so many others. */
  readonly peers: number;
  /** Members of each group; 0: there are none. */
  readonly groupSize: number;
}

export interface CrowdState {
  readonly sent: number;
  readonly connected: number;
  /** Sent, neither acknowledged nor refused. */
  readonly unanswered: number;
  /** Acknowledged, not displayed to everybody. */
  readonly unseen: number;
  /** CPU time of the load process, milliseconds. */
  readonly cpuMs: number;
  /** The longest that its event loop was late, of the time spent writing: what makes every figure too high. */
  readonly lateMaxMs: number;
}

interface Conversation {
  readonly from: LoadUser;
  readonly to: Address;
  readonly readers: number;
  sent: number;
}

/** One message in so many goes to a group. */
const GROUP_EVERY = 10;

/** Below what a gate admits from one address before login. */
const ENTERING_AT_ONCE = 16;
const PACE_MS = 5;
const POLL_MS = 50;
const FLUSH_MS = 500;
const US_PER_MS = 1000;

export class Crowd {
  readonly #journal: JournalWriter;
  readonly #users: LoadUser[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #unanswered = new Map<string, number>();
  readonly #inGroups: Conversation[] = [];
  /** Of what was sent and not refused: how many readers have not seen it. */
  readonly #unseen = new Map<string, number>();
  readonly #flusher: NodeJS.Timeout;
  #pacer: NodeJS.Timeout | undefined;
  #sent = 0;
  #lateMaxMs = 0;

  private constructor(journal: JournalWriter) {
    this.#journal = journal;
    this.#flusher = setInterval(() => journal.flush(), FLUSH_MS);
  }

  /** Makes the accounts and connects them all. */
  static async gather({ url, journal, users, peers, groupSize }: CrowdPlan): Promise<Crowd> {
    const crowd = new Crowd(new JournalWriter(journal));
    const ports: LoadUserPorts = {
      servers: parseConnectUrl(url),
      suite: createLoadSuite(await createOpeningSuite()),
      passwords: createPasswordClient(systemClock),
      hear: (event) => crowd.#hear(event),
    };
    for (let index = 0; index < users; index += 1)
      crowd.#users.push(await LoadUser.open(loadUser(index), ports));
    const queue = crowd.#users.values();
    const enter = async (): Promise<void> => {
      for (const user of queue) await user.enter();
    };
    await Promise.all(Array.from({ length: ENTERING_AT_ONCE }, enter));
    crowd.#introduce(peers);
    await crowd.#found(loadGroups(users, groupSize));
    return crowd;
  }

  /** Writes `perSecond` messages a second, one conversation after the other, until `stop`. */
  start(perSecond: number): void {
    const startedMs = monoMs();
    let sent = 0;
    clearInterval(this.#pacer);
    let lastMs = startedMs;
    this.#pacer = setInterval(() => {
      this.#lateMaxMs = Math.max(this.#lateMaxMs, monoMs() - lastMs - PACE_MS);
      lastMs = monoMs();
      const due = ((monoMs() - startedMs) * perSecond) / US_PER_MS;
      for (; sent < due; sent += 1) this.#say();
    }, PACE_MS);
  }

  stop(): void {
    clearInterval(this.#pacer);
    this.#pacer = undefined;
  }

  /** Resolves true once everybody is connected and what was sent before this call is answered; false when that takes too long. */
  recovered(limitMs: number): Promise<boolean> {
    const askedMs = monoMs();
    return this.#holds(limitMs, () => {
      // Kept in the order of sending, so the first is the oldest.
      const [oldest = Infinity] = this.#unanswered.values();
      return oldest > askedMs && this.#users.every(({ isConnected }) => isConnected);
    });
  }

  /** Resolves true once nothing is open; false when that takes too long. */
  settled(limitMs: number): Promise<boolean> {
    return this.#holds(limitMs, () => this.#unanswered.size === 0 && this.#unseen.size === 0);
  }

  state(): CrowdState {
    const { user, system } = process.cpuUsage();
    return {
      sent: this.#sent,
      connected: this.#users.filter(({ isConnected }) => isConnected).length,
      unanswered: this.#unanswered.size,
      unseen: this.#unseen.size,
      cpuMs: (user + system) / US_PER_MS,
      lateMaxMs: this.#lateMaxMs,
    };
  }

  async disperse(): Promise<void> {
    this.stop();
    clearInterval(this.#flusher);
    await Promise.all(this.#users.map((user) => user.close()));
    this.#journal.close();
  }

  flush(): void {
    this.#journal.flush();
  }

  #introduce(peers: number): void {
    const count = this.#users.length;
    for (let step = 1; step <= peers; step += 1)
      for (const [index, from] of this.#users.entries()) {
        const to = this.#users[(index + step) % count];
        if (to !== undefined && to !== from)
          this.#conversations.push({ from, to: to.name, readers: 1, sent: 0 });
      }
  }

  async #found(groups: readonly LoadGroup[]): Promise<void> {
    const byName = new Map(this.#users.map((user) => [user.name, user]));
    const found = async ({ group, members }: LoadGroup): Promise<void> => {
      const users = members.flatMap((name) => byName.get(name) ?? []);
      const [maker, ...others] = users;
      await maker?.found(group, members.slice(1));
      await Promise.all(others.map((user) => user.joined(group)));
      this.#journal.write({ is: 'group', group, members });
      const readers = others.length;
      for (const from of users) this.#inGroups.push({ from, to: group, readers, sent: 0 });
    };
    const queue = groups.values();
    const founder = async (): Promise<void> => {
      for (const each of queue) await found(each);
    };
    await Promise.all(Array.from({ length: ENTERING_AT_ONCE }, founder));
  }

  #say(): void {
    const isForGroup = this.#inGroups.length > 0 && this.#sent % GROUP_EVERY === 0;
    const all = isForGroup ? this.#inGroups : this.#conversations;
    const turn = isForGroup ? Math.floor(this.#sent / GROUP_EVERY) : this.#sent;
    const conversation = all[turn % all.length];
    if (conversation === undefined) return;
    this.#sent += 1;
    conversation.sent += 1;
    const { from, to, readers, sent } = conversation;
    const kind = isForGroup ? to : to.slice(1);
    const id = `${from.name.slice(1)}.${kind}.${sent}`;
    this.#unseen.set(id, readers);
    from.say(to, id);
  }

  #hear(event: NewEvent): void {
    this.#journal.write(event);
    if (event.is === 'sent') this.#unanswered.set(event.id, monoMs());
    if (event.is === 'acknowledged') this.#unanswered.delete(event.id);
    if (event.is === 'refused') {
      this.#unanswered.delete(event.id);
      this.#unseen.delete(event.id);
    }
    if (event.is === 'displayed') this.#seen(event.id);
  }

  #seen(id: string): void {
    const left = (this.#unseen.get(id) ?? 1) - 1;
    if (left > 0) this.#unseen.set(id, left);
    else this.#unseen.delete(id);
  }

  #holds(limitMs: number, isSo: () => boolean): Promise<boolean> {
    const deadlineMs = monoMs() + limitMs;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const holds = isSo();
        if (!holds && monoMs() < deadlineMs) return;
        clearInterval(timer);
        resolve(holds);
      }, POLL_MS);
    });
  }
}

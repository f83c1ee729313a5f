/** All virtual users of a load process, the rate they write at, and what of it is still open. */
import { parseConnectUrl } from '../../../src/client/connect-url.ts';
import { createPasswordClient } from '../../../src/crypto/opening/opaque-client.ts';
import { createOpeningSuite } from '../../../src/crypto/opening/opening-suite.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { parseUserId } from '../../../src/protocol/ids.ts';
import type { UserId } from '../../../src/protocol/ids.ts';
import { JournalWriter, monoMs } from '../verdict/journal.ts';
import type { NewEvent } from '../verdict/journal.ts';
import { createLoadSuite } from './load-suite.ts';
import { LoadUser } from './load-user.ts';
import type { LoadUserPorts } from './load-user.ts';

export interface CrowdPlan {
  readonly url: string;
  readonly journal: string;
  readonly users: number;
  /** Everybody writes to so many others. */
  readonly peers: number;
}

export interface CrowdState {
  readonly sent: number;
  readonly connected: number;
  /** Sent, neither acknowledged nor refused. */
  readonly unanswered: number;
  /** Acknowledged, not displayed. */
  readonly unseen: number;
  /** CPU time of the load process, milliseconds. */
  readonly cpuMs: number;
  /** The longest that its event loop was late, of the time spent writing: what makes every figure too high. */
  readonly lateMaxMs: number;
}

interface Conversation {
  readonly from: LoadUser;
  readonly to: UserId;
  sent: number;
}

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
  readonly #unseen = new Set<string>();
  readonly #displayed = new Set<string>();
  readonly #flusher: NodeJS.Timeout;
  #pacer: NodeJS.Timeout | undefined;
  #sent = 0;
  #lateMaxMs = 0;

  private constructor(journal: JournalWriter) {
    this.#journal = journal;
    this.#flusher = setInterval(() => journal.flush(), FLUSH_MS);
  }

  /** Makes the accounts and connects them all. */
  static async gather({ url, journal, users, peers }: CrowdPlan): Promise<Crowd> {
    const crowd = new Crowd(new JournalWriter(journal));
    const ports: LoadUserPorts = {
      servers: parseConnectUrl(url),
      suite: createLoadSuite(await createOpeningSuite()),
      passwords: createPasswordClient(systemClock),
      hear: (event) => crowd.#hear(event),
    };
    for (let index = 0; index < users; index += 1)
      crowd.#users.push(await LoadUser.open(parseUserId(`@u${index}`), ports));
    const queue = crowd.#users.values();
    const enter = async (): Promise<void> => {
      for (const user of queue) await user.enter();
    };
    await Promise.all(Array.from({ length: ENTERING_AT_ONCE }, enter));
    crowd.#introduce(peers);
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
          this.#conversations.push({ from, to: to.name, sent: 0 });
      }
  }

  #say(): void {
    const conversation = this.#conversations[this.#sent % this.#conversations.length];
    if (conversation === undefined) return;
    this.#sent += 1;
    conversation.sent += 1;
    const { from, to } = conversation;
    from.say(to, `${from.name.slice(1)}.${to.slice(1)}.${conversation.sent}`);
  }

  #hear(event: NewEvent): void {
    this.#journal.write(event);
    if (event.is === 'sent') this.#unanswered.set(event.id, monoMs());
    if (event.is === 'refused') this.#unanswered.delete(event.id);
    if (event.is === 'acknowledged') {
      this.#unanswered.delete(event.id);
      // The recipient may have it before its sender hears that it is stored.
      if (!this.#displayed.delete(event.id)) this.#unseen.add(event.id);
    }
    if (event.is === 'displayed' && !this.#unseen.delete(event.id)) this.#displayed.add(event.id);
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

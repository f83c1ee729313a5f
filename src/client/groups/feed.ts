/**
 * Reads one group's log from where this device is to its head, and keeps up with what is pushed.
 *
 * F1  Messages, what the chain says, keys and the cursor of a batch are one transaction; the acknowledgement follows its flush.
 * F2  Entries are taken in the order of the log; a gap is repaired by pulling, what has expired by the chain.
 * F3  No entry stops the log: what cannot be believed or read is refused with a warning, and the cursor goes on.
 */
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { GroupStanding, Membership } from '../../protocol/group-facts.ts';
import type { GroupEntry } from '../../protocol/group-log.ts';
import { PUSH_WINDOW_ENTRIES } from '../../protocol/limits.ts';
import type { Session } from '../connection/establish.ts';
import type { EventHub } from '../events.ts';
import { Arrivals } from '../inbox/arrivals.ts';
import { ReachedWaiters } from '../reached-waiters.ts';
import { StepLoop } from '../step-loop.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { GroupAdmission } from './group-admission.ts';
import type { GroupCalls } from './group-calls.ts';
import { GroupOpener } from './group-opener.ts';
import type { GroupOpenerPorts } from './group-opener.ts';
import type { LocalGroup } from './local-group.ts';

export interface FeedPorts extends GroupOpenerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: LocalStore;
  readonly events: EventHub;
  readonly calls: GroupCalls;
  readonly admission: GroupAdmission;
  readonly session: () => Session | undefined;
  /** The members, the key or the standing of this account are other ones. */
  readonly onChanged: (local: LocalGroup) => void;
}

interface Batch {
  readonly entries: readonly GroupEntry[];
  /** The log is covered up to here. */
  readonly upTo: number;
}

export class GroupFeed {
  readonly local: LocalGroup;
  readonly #ports: FeedPorts;
  readonly #arrivals = new Arrivals<GroupEntry>(PUSH_WINDOW_ENTRIES);
  readonly #waiters = new ReachedWaiters();
  readonly #loop: StepLoop;
  /** Pulls asked for although nothing was said of further entries, and how many of them were made. */
  #refreshesWanted = 0;
  #refreshesDone = 0;
  readonly #refreshers = new ReachedWaiters();
  /** A pull brought nothing although this was said to be the head. */
  #emptyAt = 0;
  /** Newest entry that the group lets this account read: after one stay there may be another. */
  #readable = 0;
  /** Why nothing more is read until there is another session: a locked vault, or no session to come. */
  #ended: FastChatError | undefined;

  /** The end of the life before, under the same name: until then nothing of this one is read. */
  #before: Promise<void> | undefined;
  /** Another life has begun, and waits for the end of this one. */
  #onFinished: (() => void) | undefined;

  constructor(ports: FeedPorts, local: LocalGroup, before?: Promise<void>) {
    this.#ports = ports;
    this.local = local;
    this.#before = before;
    this.#loop = new StepLoop({
      clock: ports.clock,
      random: ports.random,
      step: () => this.#step(),
      onRest: () => this.#rest(),
      onFailure: (cause) => ports.events.suspect(cause),
    });
  }

  /** Another session: what an older one pushed will be pulled. */
  restart(): void {
    this.#arrivals.reset(0);
    this.#emptyAt = 0;
    this.#readable = 0;
    this.#ended = undefined;
    this.#loop.reset();
  }

  /** This session subscribed: the log is read from this device's own place. */
  attached(standing: GroupStanding): void {
    this.local.admitted(standing);
    this.#arrivals.notice(standing.head);
    // The group's idea of where this member is may be old.
    this.#acknowledge();
    this.#wake();
  }

  pushed(entries: readonly GroupEntry[]): void {
    this.#arrivals.add(entries);
    this.#wake();
  }

  /** The log reaches to `head`. */
  noticed(head: number): void {
    this.#emptyAt = 0;
    this.#arrivals.notice(head);
    this.#wake();
  }

  /** A stay that this device knows nothing of began and ended: its store was put back to before it. */
  hearEnd({ incarnation, position }: Membership): void {
    const { isFormer, incarnation: ours, facts } = this.local;
    if (isFormer && ours === incarnation && position > (facts.roster?.position ?? 0))
      this.#ports.events.background(this.refresh());
  }

  /** Reads what there is that nobody told of. @throws why nothing will be read */
  refresh(): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#refreshesWanted += 1;
    const done = this.#refreshers.wait(this.#refreshesWanted);
    this.#wake();
    return done;
  }

  /**
   * Resolves when everything up to `target` is in the store and its events have fired, or nothing more will come.
   * @throws why nothing more will be read
   */
  reached(target = this.#arrivals.head): Promise<void> {
    const isThere = this.local.cursor >= target || this.local.isFormer;
    if (isThere && !this.#loop.isBusy) return Promise.resolve();
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#arrivals.notice(target);
    const reached = this.#waiters.wait(target);
    this.#wake();
    return reached;
  }

  /** Nothing will be read any more: whoever waits hears why. */
  ended(error: FastChatError): void {
    this.#ended = error;
    this.#waiters.fail(error);
    this.#refreshers.fail(error);
  }

  /** Another life of the name has begun. Resolves when what was pushed of this one is in the store; no more is read of it. */
  finish(): Promise<void> {
    this.#wake();
    return new Promise((resolve) => {
      this.#onFinished = resolve;
      if (!this.#loop.isBusy) this.#finished();
    });
  }

  /** A person has read up to here. */
  tellRead(): void {
    this.#acknowledge();
  }

  /** Without a session there is nothing to do: `attached` begins anew. */
  #wake(): void {
    if (this.#ports.session() !== undefined) this.#loop.wake();
  }

  #rest(): boolean {
    const hasMore = this.#hasMore();
    if (!hasMore) this.#finished();
    return hasMore;
  }

  #finished(): void {
    if (this.#onFinished === undefined) return;
    this.ended(
      new FastChatError('E_NO_SUCH_GROUP', `the ${this.local.group} of before is no more`),
    );
    this.#onFinished();
  }

  #hasMore(): boolean {
    const session = this.#ports.session();
    if (session === undefined || this.#ended !== undefined) return false;
    if (this.#isRefreshWanted || this.#isBehind) return true;
    this.#waiters.reached(this.local.isFormer ? Infinity : this.local.cursor);
    return false;
  }

  /** One batch. False: there is nothing to do. */
  async #step(): Promise<boolean> {
    const session = this.#ports.session();
    if (session === undefined || this.#ended !== undefined) return false;
    if (this.local.isFormer && !this.#isRefreshWanted && !this.#isBehind) return false;
    await this.#before;
    this.#before = undefined;
    const refresh = this.#refreshesWanted;
    try {
      const pushed = this.#arrivals.take(this.local.cursor);
      const batch = pushed ?? (await this.#pull());
      if (batch !== undefined) await this.#process(batch);
      if (pushed === undefined) this.#refreshed(refresh);
      this.#waiters.reached(this.local.cursor);
      return batch !== undefined;
    } catch (cause) {
      await this.#failed(session, asFastChatError(cause));
      this.#refreshed(refresh);
      return false;
    }
  }

  get #isRefreshWanted(): boolean {
    return this.#refreshesWanted > this.#refreshesDone;
  }

  get #isBehind(): boolean {
    const { head } = this.#arrivals;
    const end = this.local.isFormer ? this.#readable : head;
    return end > this.local.cursor && head !== this.#emptyAt;
  }

  #refreshed(refresh: number): void {
    this.#refreshesDone = Math.max(this.#refreshesDone, refresh);
    this.#refreshers.reached(this.#refreshesDone);
  }

  async #pull(): Promise<Batch | undefined> {
    const { local } = this;
    if (!this.#isRefreshWanted && !this.#isBehind) return undefined;
    const from = local.cursor + 1;
    const told = this.#arrivals.head;
    const { entries, upTo, head } = await this.#ports.calls.pull(local, from);
    this.#arrivals.notice(head);
    this.#readable = head;
    if (head < from) {
      // What was told meanwhile is no part of this answer.
      this.#emptyAt = told;
      return undefined;
    }
    const isOrdered = entries.every(
      ({ seq }, i) => seq >= from && seq > (entries[i - 1]?.seq ?? 0),
    );
    if (!isOrdered || (entries.at(-1)?.seq ?? 0) > upTo || upTo < from)
      throw new FastChatError('E_BAD_FRAME', 'a pull was answered out of order');
    return { entries, upTo };
  }

  async #process({ entries, upTo }: Batch): Promise<void> {
    const { local } = this;
    const opener = new GroupOpener(this.#ports, local);
    const before = local.facts;
    let last = local.cursor;
    for (const entry of entries) {
      await opener.take(entry, entry.seq === last + 1);
      last = entry.seq;
    }
    const { facts, endedAt, openings } = opener;
    await this.#ports.store.transact((tx) => {
      local.advance(tx, { cursor: upTo, facts, endedAt });
      for (const opening of openings) this.#ports.admission.admit(tx, local, opening);
      if (facts !== before) tx.after(() => this.#ports.onChanged(local));
    });
    this.#acknowledge();
  }

  async #failed(session: Session, error: FastChatError): Promise<void> {
    // The group says that this account has nothing (more) to read.
    if (error.code === 'E_NO_SUCH_GROUP') return await this.#end();
    if (error.code !== 'E_AUTH') throw error;
    // Another session may know better.
    if (session === this.#ports.session()) this.ended(error);
  }

  async #end(): Promise<void> {
    if (this.local.isFormer) return;
    await this.#ports.store.transact((tx) => this.local.end(tx));
    this.#ports.onChanged(this.local);
  }

  #acknowledge(): void {
    const { group, incarnation, cursor: delivered, read, isFormer } = this.local;
    const link = this.#ports.session()?.link;
    if (isFormer || delivered === 0) return;
    link?.tell({ type: 'groupAck', group, incarnation, delivered, read });
  }
}

/**
 * Reads the account's inbox log from where this device is to its head, and keeps up with what is pushed.
 *
 * B1  Messages, chain states and the cursor of a batch are one transaction; the acknowledgement follows its flush.
 * B2  Entries are taken in order of their sequence numbers; a gap is repaired by pulling.
 * B3  No entry stops the log: what cannot be opened is held, kept or refused with a warning, and the cursor goes on.
 * B4  Only a locked vault does: the log stays at the node, unacknowledged from there on, until a person has logged in.
 */
import type { Clock } from '../../ops/clock.ts';
import type { Random } from '../../ops/random.ts';
import type { Attachment } from '../../protocol/account.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import { FastChatError, assertNever } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { HELD_RETRY_MS, PULL_ENTRIES_MAX, PUSH_WINDOW_ENTRIES } from '../../protocol/limits.ts';
import type { Session } from '../connection/establish.ts';
import type { EventHub } from '../events.ts';
import { ReachedWaiters } from '../reached-waiters.ts';
import { StepLoop } from '../step-loop.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore, Transaction } from '../store/local-store.ts';
import { inboxRecord } from '../store/records.ts';
import type { Admission } from './admission.ts';
import type { HeldEntries } from './held-entries.ts';
import type { Opener, Opening } from './opener.ts';
import { Arrivals } from './arrivals.ts';

export interface InboxPorts {
  readonly self: UserId;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly events: EventHub;
  readonly admission: Admission;
  readonly held: HeldEntries;
  readonly session: () => Session | undefined;
  /** Why this home's vault is locked, if it is. */
  readonly lock: () => FastChatError | undefined;
  /** A fresh opener for one batch. */
  readonly opener: (incarnation: Attachment['incarnation']) => Opener;
}

interface Batch {
  readonly entries: readonly LogEntry[];
  /** The log is covered up to here. */
  readonly upTo: number;
}

export class Inbox {
  readonly #ports: InboxPorts;
  #incarnation: Attachment['incarnation'] | undefined;
  readonly #arrivals = new Arrivals<LogEntry>(PUSH_WINDOW_ENTRIES);
  #cursor = 0;
  #releases: UserId[] = [];
  /** The session in which the log was found to go on under a key that the locked vault holds. */
  #stoppedIn: Session | undefined;
  /** Why there will be no session, as far as is known. */
  #ended: FastChatError | undefined;
  readonly #waiters = new ReachedWaiters();
  readonly #loop: StepLoop;

  constructor(ports: InboxPorts) {
    this.#ports = ports;
    this.#loop = new StepLoop({
      clock: ports.clock,
      random: ports.random,
      step: () => this.#step(),
      onRest: () => this.#rest(),
      onFailure: (cause) => ports.events.suspect(cause),
    });
    const known = ports.store.get(ports.keys.inbox, inboxRecord);
    this.#incarnation = known?.incarnation;
    this.#cursor = known?.cursor ?? 0;
  }

  /** A session is attached: its log is read from this device's own cursor. */
  attached({ link, attachment }: Session): void {
    const { incarnation, cursor, head } = attachment;
    // Another life of the log, or none read here yet. Where the server believes this device to be does not count: a disk
    // that was put back to before its first message has read nothing.
    if (this.#incarnation !== incarnation) this.#cursor = 0;
    this.#incarnation = incarnation;
    // A log that is shorter than what we have read lost entries; what is new in it must not look old.
    this.#cursor = Math.min(this.#cursor, head);
    this.#arrivals.reset(head);
    this.#releases = [...this.#ports.held.senders()];
    this.#ended = undefined;
    this.#loop.reset();
    // The server's idea of where we are may be old.
    if (this.#cursor > cursor) link.tell({ type: 'ack', upTo: this.#cursor });
    this.#wake();
  }

  pushed(entries: readonly LogEntry[]): void {
    this.#arrivals.add(entries);
    this.#wake();
  }

  /** The log reaches to `head`. */
  noticed(head: number): void {
    this.#arrivals.notice(head);
    this.#wake();
  }

  /** A person has accepted the sender's keys: what was held is read again. */
  accepted(user: UserId): void {
    this.#releases.push(user);
    this.#wake();
  }

  /** Resolves when everything up to `target` is in the store and its events have fired. */
  reached(target: number): Promise<void> {
    if (this.#cursor >= target && !this.#loop.isBusy) return Promise.resolve();
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const reached = this.#waiters.wait(target);
    this.#wake();
    return reached;
  }

  /** No session will come: whoever waits hears why. */
  ended(error: FastChatError): void {
    this.#ended = error;
    this.#waiters.fail(error);
  }

  /** Without a session there is nothing to do: `attached` begins anew. */
  #wake(): void {
    if (this.#ports.session() !== undefined) this.#loop.wake();
  }

  /** True: something came while the last step found nothing to do. */
  #rest(): boolean {
    this.#waiters.reached(this.#cursor);
    if (this.#ports.session() === undefined) return false;
    const stop = this.#stopped();
    if (stop !== undefined) this.#waiters.fail(stop);
    const isBehind = stop === undefined && this.#arrivals.head > this.#cursor;
    return isBehind || this.#releases.length > 0;
  }

  /** Why nothing more of the log can be read in this session. */
  #stopped(): FastChatError | undefined {
    const { session, lock } = this.#ports;
    return this.#stoppedIn === session() ? lock() : undefined;
  }

  /** One batch. False: there is nothing to do. */
  async #step(): Promise<boolean> {
    const session = this.#ports.session();
    if (session === undefined || this.#incarnation === undefined) return false;
    const sender = this.#releases.shift();
    if (sender !== undefined) {
      await this.#release(sender, this.#incarnation);
      return true;
    }
    if (this.#stopped() !== undefined) return false;
    const batch = this.#arrivals.take(this.#cursor) ?? (await this.#pull(session));
    if (batch === undefined) return false;
    const isWhole = await this.#process(batch, this.#incarnation);
    if (!isWhole) this.#stoppedIn = session;
    session.link.tell({ type: 'ack', upTo: this.#cursor });
    this.#waiters.reached(this.#cursor);
    return true;
  }

  async #pull({ link }: Session): Promise<Batch | undefined> {
    if (this.#arrivals.head <= this.#cursor) return undefined;
    const from = this.#cursor + 1;
    const request = { log: this.#ports.self, from, limit: PULL_ENTRIES_MAX };
    const { entries, upTo, head } = await link.call('pull', request);
    this.#arrivals.notice(head);
    const isOrdered = entries.every(
      ({ seq }, i) => seq >= from && seq > (entries[i - 1]?.seq ?? 0),
    );
    const last = entries.at(-1)?.seq ?? 0;
    if (!isOrdered || last > upTo || upTo < from)
      throw new FastChatError('E_BAD_FRAME', 'a pull was answered out of order');
    return { entries, upTo };
  }

  /** False: only what is before an entry of a locked vault was taken. */
  async #process(
    { entries, upTo }: Batch,
    incarnation: Attachment['incarnation'],
  ): Promise<boolean> {
    const opener = this.#ports.opener(incarnation);
    const openings: Opening[] = [];
    let cursor = upTo;
    for (const entry of entries) {
      const opening = await opener.open(entry);
      if (opening.type === 'locked') {
        cursor = entry.seq - 1;
        break;
      }
      openings.push(opening);
    }
    const { store, keys } = this.#ports;
    await store.transact((tx) => {
      for (const opening of openings) this.#settle(tx, opening);
      tx.put(keys.inbox, inboxRecord, { incarnation, cursor });
    });
    if (this.#incarnation === incarnation) this.#cursor = cursor;
    return cursor === upTo;
  }

  /** Reads again what was held of one sender; the first entry that is still to be held ends it. */
  async #release(sender: UserId, incarnation: Attachment['incarnation']): Promise<void> {
    const { held, store } = this.#ports;
    const opener = this.#ports.opener(incarnation);
    for (const { entry } of held.of(sender)) {
      const opening = await opener.open(entry);
      if (opening.type === 'locked') return;
      if (opening.type === 'held') return this.#retryHeld(opening);
      await store.transact((tx) => {
        held.remove(tx, entry);
        this.#settleOpened(tx, opening);
      });
    }
  }

  /** Keys that were out of reach are asked for again after a while; changed ones wait for a person. */
  #retryHeld({ entry, why }: Extract<Opening, { type: 'held' }>): void {
    if (why === 'changed') return;
    this.#ports.clock.after(HELD_RETRY_MS, () => this.accepted(entry.envelope.from));
  }

  #settle(tx: Transaction, opening: Opening): void {
    const { entry } = opening;
    const { held, events } = this.#ports;
    const { from } = entry.envelope;
    // What follows a held entry of the same sender is held too, so that their order stays.
    const mustHold = opening.type === 'held' || (opening.type === 'opened' && held.has(from));
    if (!mustHold) return this.#settleOpened(tx, opening);
    if (opening.type === 'held') tx.after(() => this.#retryHeld(opening));
    if (held.add(tx, entry)) return;
    const text = `${from} wrote more than is kept for a sender whose keys are not accepted`;
    tx.after(() => events.warn('E_KEY_CHANGED', text, from));
  }

  #settleOpened(tx: Transaction, opening: Opening): void {
    const { admission, events } = this.#ports;
    const { from } = opening.entry.envelope;
    switch (opening.type) {
      case 'opened':
        return admission.admit(tx, opening.message);
      case 'unsupported':
        this.#ports.held.keepUnsupported(tx, opening.entry);
        tx.after(() => events.warn('E_VERSION', `a message of ${from} needs a newer client`, from));
        return undefined;
      case 'refused': {
        const { code, message } = opening.error;
        tx.after(() => events.warn(code, `a message from ${from} was refused: ${message}`, from));
        return undefined;
      }
      case 'own':
      case 'held':
      case 'locked':
        return undefined;
      default:
        return assertNever(opening);
    }
  }
}

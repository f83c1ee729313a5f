/** What became of own messages: stored, delivered, read, expired. Marks move forward only; every step is told once. */
import type { ReadMark } from '../protocol/bodies.ts';
import type { Push } from '../protocol/client-calls.ts';
import type { ReceiptRecord } from '../protocol/account.ts';
import type { FastChatError } from '../protocol/errors.ts';
import { invariant } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { CLIENT_SCAN_RECORDS } from '../protocol/limits.ts';
import type { EventHub } from './events.ts';
import type { Seal } from './outbox/lane.ts';
import type { SendWaiters } from './outbox/send-waiters.ts';
import type { History } from './store/history.ts';
import type { LocalStore, Transaction } from './store/local-store.ts';
import type { DraftRecord, MessageRecord, WatermarkRecord } from './store/records.ts';
import { addExpired } from './store/watermarks.ts';
import type { MarkName, Watermarks } from './store/watermarks.ts';

export interface ReceiptsPorts {
  readonly self: UserId;
  readonly store: LocalStore;
  readonly history: History;
  readonly watermarks: Watermarks;
  readonly events: EventHub;
  readonly waiters: SendWaiters;
  /** Asks how far own messages got at `user`. */
  readonly fetch: (user: UserId) => Promise<ReceiptRecord>;
}

type Step = 'delivered' | 'read' | 'expired';
type Range = WatermarkRecord['expired'][number];

export class Receipts {
  readonly #ports: ReceiptsPorts;

  constructor(ports: ReceiptsPorts) {
    this.#ports = ports;
  }

  /** A node has stored an own message. @returns the message as it is in the history from now on */
  stored(tx: Transaction, draft: DraftRecord, { envelope }: Seal): MessageRecord | undefined {
    const { history, watermarks, waiters, events } = this.#ports;
    const waiting = draft.seq === undefined ? undefined : history.get(tx, draft.to, draft.seq);
    if (waiting === undefined) return undefined;
    const { incarnation, device, counter } = envelope;
    const place = { incarnation, device, counter };
    const record: MessageRecord = { ...waiting, state: 'stored', place };
    history.update(tx, record);
    watermarks.placed(tx, record, place);
    // A receipt may have overtaken the answer.
    const state = watermarks.stateOf(tx, record);
    const { conversation, id } = record;
    // Before the flush: a crash in between sends it again, and the node knows it.
    waiters.reached({ conversation, id }, state);
    tx.after(() => {
      events.emit({ type: 'sent', id, conversation, state: 'stored' });
      if (state === 'delivered' || state === 'read') this.#tell(record, state);
    });
    return record;
  }

  failed(tx: Transaction, draft: DraftRecord, error: FastChatError): void {
    const { history, waiters, events } = this.#ports;
    const name = { conversation: draft.to, id: draft.id };
    const from = this.#ports.self;
    // By its name: in a group it may have moved.
    const record = draft.quiet
      ? undefined
      : history.find(tx, { conversation: draft.to, from, id: draft.id });
    if (record === undefined) return;
    history.update(tx, { ...record, state: 'failed' });
    tx.after(() => {
      waiters.fail(name, error);
      events.emit({ type: 'sent', ...name, state: 'failed' });
    });
  }

  /** It stays in the outbox until a person decides; whoever waits is told now. */
  stuck(draft: DraftRecord, error: FastChatError): void {
    this.#ports.waiters.fail({ conversation: draft.to, id: draft.id }, error);
  }

  async delivered(push: Extract<Push, { type: 'receipt' }>): Promise<void> {
    const name = { peer: push.user, incarnation: push.incarnation, device: push.device };
    await this.#ports.store.transact((tx) => this.#deliver(tx, name, push.delivered));
  }

  async expired(push: Extract<Push, { type: 'expired' }>): Promise<void> {
    const name = { peer: push.user, incarnation: push.incarnation, device: push.device };
    await this.#ports.store.transact((tx) => this.#expire(tx, name, [push]));
  }

  /** The peer has read up to these marks; part of opening their message. */
  read(tx: Transaction, peer: UserId, marks: readonly ReadMark[]): void {
    for (const known of this.#ports.watermarks.ofPeer(peer)) {
      const counter = marks.find(({ device }) => device === known.device)?.counter ?? 0;
      const before = this.#ports.watermarks.get(tx, known);
      // Nobody can have read what was never sent.
      const read = Math.min(counter, before.sent);
      if (read <= before.read) continue;
      const delivered = Math.max(before.delivered, read);
      this.#ports.watermarks.put(tx, { ...before, read, delivered });
      this.#tellRange(tx, before, { from: before.read + 1, to: read }, 'read');
    }
  }

  /** Asks about everybody who has not got everything yet. Missing an answer delays a mark until the next connect. */
  async refresh(): Promise<void> {
    for (const peer of this.#ports.watermarks.undelivered()) {
      const { incarnation, marks } = await this.#ports.fetch(peer);
      await this.#ports.store.transact((tx) => {
        for (const { device, delivered, expired } of marks) {
          this.#deliver(tx, { peer, incarnation, device }, delivered);
          this.#expire(tx, { peer, incarnation, device }, expired);
        }
      });
    }
  }

  #deliver(tx: Transaction, name: MarkName, delivered: number): void {
    const before = this.#ports.watermarks.get(tx, name);
    if (delivered <= before.delivered) return;
    this.#ports.watermarks.put(tx, { ...before, delivered });
    this.#tellRange(tx, name, { from: before.delivered + 1, to: delivered }, 'delivered');
  }

  #expire(tx: Transaction, name: MarkName, ranges: readonly Range[]): void {
    for (const { from, to } of ranges) {
      const before = this.#ports.watermarks.get(tx, name);
      if (before.expired.some((known) => known.from <= from && to <= known.to)) continue;
      const expired = addExpired(before.expired, { from, to });
      this.#ports.watermarks.put(tx, { ...before, expired });
      this.#tellRange(tx, name, { from, to }, 'expired');
    }
  }

  #tellRange(tx: Transaction, name: MarkName, range: Range, step: Step): void {
    tx.after(() => {
      for (const record of this.#messages(name, range)) this.#tell(record, step);
    });
  }

  *#messages(name: MarkName, { from, to }: Range): Generator<MessageRecord> {
    const { watermarks, history, store } = this.#ports;
    let next = from;
    for (;;) {
      const page = watermarks.messages(name, next, to, CLIENT_SCAN_RECORDS);
      for (const { conversation, seq } of page) {
        const record = history.get(store, conversation, seq);
        if (record === undefined) continue;
        invariant(record.place !== undefined, 'a receipt finds messages by their place');
        next = record.place.counter + 1;
        yield record;
      }
      if (page.length < CLIENT_SCAN_RECORDS) return;
    }
  }

  #tell({ conversation, id }: MessageRecord, state: Step): void {
    const by = conversation as UserId;
    this.#ports.waiters.reached({ conversation, id }, state);
    this.#ports.events.emit({ type: 'receipt', id, conversation, by, state });
  }
}

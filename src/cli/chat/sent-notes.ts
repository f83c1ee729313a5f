/**
 * Tells what becomes of the messages of this chat: one short line a message that got there, gathered with others of the
 * same moment; one that it waits; one that it failed. Receipts of earlier runs are no news.
 */
import type { Clock, Timer } from '../../ops/clock.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address, MessageId, UserId } from '../../protocol/ids.ts';
import {
  CHAT_ACKS_REMEMBERED_MAX,
  CHAT_ACK_DELAY_MS,
  CHAT_ACK_SOON_MS,
  CHAT_WAIT_NOTICE_MS,
} from '../../protocol/limits.ts';
import { Readers } from './readers.ts';
import { ackLine, failedNotice, waitsNotice } from './render.ts';
import type { AckState } from './render.ts';

const RANK: Readonly<Record<AckState, number>> = {
  queued: 0,
  stored: 1,
  delivered: 2,
  read: 3,
  expired: 4,
  failed: 4,
};

interface Sent {
  readonly to: Address;
  readonly text: string;
  state: AckState;
  told: AckState | undefined;
  /** In a group: who got it. */
  readonly readers: Readers | undefined;
  /** What was told covers every member. */
  isToldOfAll: boolean;
}

/** How a note is shown. */
export interface NotesView {
  line(text: string): void;
  notice(text: string): void;
  error(text: string): void;
  /** Members of a group but oneself, where that is known. */
  othersIn(address: Address): number | undefined;
}

export class SentNotes {
  readonly #clock: Clock;
  readonly #view: NotesView;
  /** The messages of this chat; the oldest are forgotten. */
  readonly #sent = new Map<MessageId, Sent>();
  readonly #fresh = new Set<MessageId>();
  #timer: Timer | undefined;

  constructor(clock: Clock, view: NotesView) {
    this.#clock = clock;
    this.#view = view;
  }

  /** A message is in the outbox. */
  queued(id: MessageId, to: Address, text: string): void {
    const readers = isGroup(to) ? new Readers() : undefined;
    const fresh = { state: 'queued', told: undefined, readers, isToldOfAll: false } as const;
    this.#sent.set(id, { to, text, ...fresh });
    this.#clock.after(CHAT_WAIT_NOTICE_MS, () => this.#waits(id));
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= CHAT_ACKS_REMEMBERED_MAX) return;
      this.#sent.delete(oldest);
    }
  }

  /** The person knows already that it waits. */
  waitsKnown(id: MessageId): void {
    const sent = this.#sent.get(id);
    if (sent !== undefined) sent.told ??= 'queued';
  }

  /** A message got to `state`; how far it got in a group is for its members to say. */
  reached(id: MessageId, reached: AckState): void {
    const sent = this.#sent.get(id);
    const isCapped = sent?.readers !== undefined && (reached === 'delivered' || reached === 'read');
    const state = isCapped ? 'stored' : reached;
    if (sent === undefined || RANK[sent.state] >= RANK[state]) return;
    if (state === 'failed') {
      // Whoever waits for it learns the reason, a moment later.
      this.#clock.after(CHAT_ACK_SOON_MS, () => this.failed(id, undefined));
      return;
    }
    sent.state = state;
    this.#fresh.add(id);
    // Most messages are read a moment after they are delivered: one line for both.
    const isBest = RANK[state] >= RANK.read;
    if (isBest) this.#arm(CHAT_ACK_SOON_MS);
    else if (this.#timer === undefined) this.#arm(CHAT_ACK_DELAY_MS);
  }

  /** Somebody got it, or has read it. */
  receipt(id: MessageId, by: UserId, state: 'delivered' | 'read' | 'expired'): void {
    const sent = this.#sent.get(id);
    if (sent?.readers === undefined || state === 'expired') return this.reached(id, state);
    if (!sent.readers.note(by, state)) return;
    sent.state = 'delivered';
    this.#fresh.add(id);
    if (sent.readers.isReadBy(this.#view.othersIn(sent.to))) this.#arm(CHAT_ACK_SOON_MS);
    else if (this.#timer === undefined) this.#arm(CHAT_ACK_DELAY_MS);
  }

  /** No node will take it. Told once, with the reason by whoever knows it first. */
  failed(id: MessageId, why: string | undefined): void {
    const sent = this.#sent.get(id);
    if (sent === undefined || sent.state === 'failed') return;
    sent.state = 'failed';
    this.#fresh.delete(id);
    this.#view.error(failedNotice(sent.to, sent.text, why));
  }

  /** Shows at once what was gathered. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const byLabel = new Map<string, Sent[]>();
    for (const id of this.#fresh) {
      const sent = this.#sent.get(id);
      if (sent === undefined || !this.#isNews(sent)) continue;
      sent.told = sent.state;
      const label = this.#label(sent);
      byLabel.set(label, [...(byLabel.get(label) ?? []), sent]);
    }
    this.#fresh.clear();
    for (const [label, alike] of byLabel) {
      const last = alike.at(-1);
      if (last === undefined) continue;
      const shown = { state: last.state, label, count: alike.length, last: last.text };
      this.#view.line(ackLine(shown));
    }
  }

  #label({ state, readers, to }: Sent): string {
    const isByMembers = readers !== undefined && state === 'delivered';
    return isByMembers ? readers.label(this.#view.othersIn(to)) : state;
  }

  /** After "delivered", and in a group after "delivered" to all, there is nothing that anybody waits for. */
  #isNews(sent: Sent): boolean {
    const { told, state, readers, to } = sent;
    const hasReachedAll = readers?.hasReached(this.#view.othersIn(to)) === true;
    const isFirst = told === undefined || (RANK[told] < RANK.delivered && RANK[told] < RANK[state]);
    const isNews = isFirst || (hasReachedAll && !sent.isToldOfAll);
    sent.isToldOfAll ||= isNews && hasReachedAll;
    return isNews;
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, () => this.flush());
  }

  #waits(id: MessageId): void {
    const sent = this.#sent.get(id);
    if (sent?.state !== 'queued' || sent.told !== undefined) return;
    sent.told = 'queued';
    this.#view.notice(waitsNotice(sent.to, sent.text));
  }
}

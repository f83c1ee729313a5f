/**
 * Tells what becomes of the messages of this chat: one short line a message that got there, gathered with others of the
 * same moment; one that it waits; one that it failed. Receipts of earlier runs are no news.
 */
import type { Clock, Timer } from '../../ops/clock.ts';
import type { Address, MessageId } from '../../protocol/ids.ts';
import {
  CHAT_ACKS_REMEMBERED_MAX,
  CHAT_ACK_DELAY_MS,
  CHAT_ACK_SOON_MS,
  CHAT_WAIT_NOTICE_MS,
} from '../../protocol/limits.ts';
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
}

/** How a note is shown. */
export interface NotesView {
  line(text: string): void;
  notice(text: string): void;
  error(text: string): void;
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
    this.#sent.set(id, { to, text, state: 'queued', told: undefined });
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

  /** A message got to `state`. */
  reached(id: MessageId, state: AckState): void {
    const sent = this.#sent.get(id);
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
    const byState = new Map<AckState, Sent[]>();
    for (const id of this.#fresh) {
      const sent = this.#sent.get(id);
      if (sent === undefined || !isNews(sent)) continue;
      sent.told = sent.state;
      byState.set(sent.state, [...(byState.get(sent.state) ?? []), sent]);
    }
    this.#fresh.clear();
    for (const [state, group] of byState)
      this.#view.line(ackLine(state, group.length, group.at(-1)?.text ?? ''));
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

/** After "delivered" there is nothing that anybody waits for. */
function isNews({ state, told }: Sent): boolean {
  return told === undefined || (RANK[told] < RANK.delivered && RANK[told] < RANK[state]);
}

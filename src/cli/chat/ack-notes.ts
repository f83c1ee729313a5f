/** Gathers what becomes of own messages for a moment, so that ten of them make one line and not thirty. */
import type { Clock, Timer } from '../../ops/clock.ts';
import { CHAT_ACKS_REMEMBERED_MAX, CHAT_ACK_DELAY_MS } from '../../protocol/limits.ts';
import type { MessageId } from '../../protocol/ids.ts';
import { ackLine } from './render.ts';
import type { AckState } from './render.ts';

const RANK: Readonly<Record<AckState, number>> = {
  queued: 0,
  stored: 1,
  delivered: 2,
  read: 3,
  expired: 4,
  failed: 4,
};

export class AckNotes {
  readonly #clock: Clock;
  readonly #show: (line: string) => void;
  /** The best state of each message that was or will be shown; the oldest are forgotten. */
  readonly #best = new Map<MessageId, AckState>();
  readonly #fresh = new Set<MessageId>();
  #timer: Timer | undefined;

  constructor(clock: Clock, show: (line: string) => void) {
    this.#clock = clock;
    this.#show = show;
  }

  /** A message got to `state`; what it was before, or nothing new, is not shown. */
  reached(id: MessageId, state: AckState): void {
    const known = this.#best.get(id);
    if (known !== undefined && RANK[known] >= RANK[state]) return;
    this.#best.delete(id);
    this.#best.set(id, state);
    this.#fresh.add(id);
    this.#forget();
    this.#timer ??= this.#clock.after(CHAT_ACK_DELAY_MS, () => this.flush());
  }

  /** Shows at once what was gathered. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const counts = new Map<AckState, number>();
    for (const id of this.#fresh) {
      const state = this.#best.get(id);
      if (state !== undefined) counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    this.#fresh.clear();
    for (const [state, count] of counts) this.#show(ackLine(state, count));
  }

  #forget(): void {
    for (const id of this.#best.keys()) {
      if (this.#best.size <= CHAT_ACKS_REMEMBERED_MAX) return;
      this.#best.delete(id);
    }
  }
}

/** Everything a session says in one turn of the event loop leaves in one frame. */
import type { Clock, Timer } from '../../ops/clock.ts';
import { packFrames } from '../../protocol/frames.ts';
import { SESSION_HOLD_MS } from '../../protocol/limits.ts';

/** The writing half of a client's link. */
export interface LinkOutput {
  /** False when more waits to be written than should; the frames are taken all the same. */
  send(...frames: readonly Uint8Array[]): boolean;
  close(reason?: string): void;
}

export class LinkWriter {
  readonly #link: LinkOutput;
  readonly #clock: Clock;
  readonly #onCongested: () => void;
  #items: Uint8Array[] = [];
  #isFlushDue = false;
  #held: Timer | undefined;
  #isClosed = false;

  constructor(link: LinkOutput, clock: Clock, onCongested: () => void) {
    this.#link = link;
    this.#clock = clock;
    this.#onCongested = onCongested;
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Queues one encoded item for the end of this turn; ignored once closed. */
  add(item: Uint8Array): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#clock.soon(() => this.#flush());
  }

  /** Queues an item that nobody waits for: it leaves with the next one, at the latest after SESSION_HOLD_MS. */
  addLater(item: Uint8Array): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    if (!this.#isFlushDue) this.#held ??= this.#clock.after(SESSION_HOLD_MS, () => this.#flush());
  }

  /** Sends what is queued, then closes the link. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#link.close(reason);
  }

  #flush(): void {
    this.#isFlushDue = false;
    this.#held?.cancel();
    this.#held = undefined;
    if (this.#items.length === 0) return;
    const frames = packFrames(this.#items);
    this.#items = [];
    if (!this.#link.send(...frames)) this.#onCongested();
  }
}

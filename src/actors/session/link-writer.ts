/** Everything a session says in one turn of the event loop leaves in one frame. */
import type { Clock } from '../../ops/clock.ts';
import { packFrames } from '../../protocol/frames.ts';

/** The writing half of a client's link. */
export interface LinkOutput {
  /** False when more waits to be written than should; the frame is taken all the same. */
  send(frame: Uint8Array): boolean;
  close(reason?: string): void;
}

export class LinkWriter {
  readonly #link: LinkOutput;
  readonly #clock: Clock;
  readonly #onCongested: () => void;
  #items: Uint8Array[] = [];
  #isClosed = false;

  constructor(link: LinkOutput, clock: Clock, onCongested: () => void) {
    this.#link = link;
    this.#clock = clock;
    this.#onCongested = onCongested;
  }

  /** Queues one encoded item for the end of this turn; ignored once closed. */
  add(item: Uint8Array): void {
    if (this.#isClosed) return;
    this.#items.push(item);
    if (this.#items.length === 1) this.#clock.soon(() => this.#flush());
  }

  /** Sends what is queued, then closes the link. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#link.close(reason);
  }

  #flush(): void {
    if (this.#items.length === 0) return;
    const items = this.#items;
    this.#items = [];
    const isRoomy = packFrames(items).map((frame) => this.#link.send(frame));
    if (isRoomy.includes(false)) this.#onCongested();
  }
}

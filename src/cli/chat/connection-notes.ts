/** Tells of the connection what is news: that it is lost, that it is back. However often it is tried in between. */
import type { ClientEvent } from '../../client/api.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import { CHAT_LOST_NOTICE_MS } from '../../protocol/limits.ts';

type StateEvent = Extract<ClientEvent, { type: 'state' }>;

export interface ConnectionNotesPorts {
  readonly clock: Clock;
  readonly notice: (text: string) => void;
  /** A session is there that was not: says so, at its own pace. */
  readonly greet: (node: string | undefined) => void;
}

export class ConnectionNotes {
  readonly #ports: ConnectionNotesPorts;
  #node: string | undefined;
  /** The node of the last connection, which may be gone. */
  #last: string | undefined;
  /** What was said last; a session that moves within a moment leaves it as it is. */
  #said: 'nothing' | 'online' | 'lost' | 'ended' = 'nothing';
  #timer: Timer | undefined;

  constructor(ports: ConnectionNotesPorts) {
    this.#ports = ports;
  }

  /** The node of the connection; undefined while there is none. */
  get node(): string | undefined {
    return this.#node;
  }

  changed(event: StateEvent): void {
    if (event.connected) this.#online(event.node ?? 'a node');
    else if (event.retryInMs === undefined) this.#ended();
    else this.#lost();
  }

  /** Nothing more is said. */
  stop(): void {
    this.#cancel();
  }

  #online(node: string): void {
    const isNews = this.#said !== 'online' || node !== this.#last;
    this.#cancel();
    this.#node = node;
    this.#last = node;
    this.#said = 'online';
    if (isNews) this.#ports.greet(node);
  }

  #lost(): void {
    this.#node = undefined;
    if (this.#said === 'lost' || this.#timer !== undefined) return;
    this.#timer = this.#ports.clock.after(CHAT_LOST_NOTICE_MS, () => {
      this.#timer = undefined;
      this.#said = 'lost';
      const text =
        this.#last !== undefined ? 'connection lost, reconnecting…' : 'no connection yet, trying…';
      this.#ports.notice(text);
    });
  }

  #ended(): void {
    this.#cancel();
    this.#node = undefined;
    if (this.#said === 'ended') return;
    this.#said = 'ended';
    this.#ports.notice('disconnected');
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

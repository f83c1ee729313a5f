/** Tells every listener what happens, in order; a listener that throws harms neither the others nor the client. */
import type { Clock } from '../ops/clock.ts';
import { asFastChatError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import type { ClientEvent } from './api.ts';

export type Emit = (event: ClientEvent) => void;

export class EventHub {
  readonly #clock: Clock;
  readonly #listeners = new Set<{ readonly listen: Emit }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  on(listener: Emit): { off(): void } {
    const entry = { listen: listener };
    this.#listeners.add(entry);
    return { off: () => void this.#listeners.delete(entry) };
  }

  readonly emit: Emit = (event) => {
    for (const { listen } of this.#listeners) {
      try {
        listen(event);
      } catch (cause) {
        // The caller's bug, not ours: it surfaces as an uncaught error, outside of what we are doing.
        this.#clock.soon(() => {
          throw cause;
        });
      }
    }
  };

  /**
   * Follows work that nobody waits for. What a lost connection spoils is done again after the next login, and a store
   * that fails ends the client by its own signal; a bug is told.
   */
  background(work: Promise<unknown>): void {
    work.catch((cause: unknown) => this.suspect(cause));
  }

  /** Tells of an error that only a bug, here or at a node, can be the reason of. */
  suspect(cause: unknown): void {
    const { code, message } = asFastChatError(cause);
    if (code === 'E_INTERNAL') this.warn(code, message);
  }

  warn(code: ErrorCode, message: string, user?: UserId): void {
    const about = user === undefined ? {} : { user };
    this.emit({ type: 'warning', code, message, ...about });
  }
}

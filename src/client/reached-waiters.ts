/** Who waits until a log was read up to some entry. */
import type { FastChatError } from '../protocol/errors.ts';

interface Waiter {
  readonly target: number;
  readonly resolve: () => void;
  readonly reject: (error: FastChatError) => void;
}

export class ReachedWaiters {
  readonly #waiters = new Set<Waiter>();

  wait(target: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ target, resolve, reject });
    });
  }

  /** Everything up to `cursor` is in the store, and its events have fired. */
  reached(cursor: number): void {
    for (const waiter of this.#waiters) {
      if (cursor < waiter.target) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** It will not be read any further. */
  fail(error: FastChatError): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}

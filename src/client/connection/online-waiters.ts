/** Calls that wait for the next session, each until its own deadline. */
import type { Clock } from '../../ops/clock.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { Session } from './establish.ts';

interface Waiter {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: FastChatError) => void;
}

export class OnlineWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws E_UNREACHABLE after `timeoutMs` */
  wait(timeoutMs: number): Promise<Session> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(Math.max(0, timeoutMs), () => {
        this.#waiting.delete(waiter);
        reject(new FastChatError('E_UNREACHABLE', 'no gate of the cluster was reached in time'));
      });
      const waiter: Waiter = {
        resolve: (session) => {
          timer.cancel();
          resolve(session);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
    });
  }

  succeed(session: Session): void {
    for (const waiter of this.#take()) waiter.resolve(session);
  }

  fail(error: FastChatError): void {
    for (const waiter of this.#take()) waiter.reject(error);
  }

  #take(): readonly Waiter[] {
    const waiters = [...this.#waiting];
    this.#waiting.clear();
    return waiters;
  }
}

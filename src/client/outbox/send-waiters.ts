/** Callers of `send` who wait until their message got as far as they asked. */
import type { Clock } from '../../ops/clock.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { Address, MessageId } from '../../protocol/ids.ts';
import type { MessageState, WaitFor } from '../api.ts';

/** An own message. */
export interface MessageName {
  readonly conversation: Address;
  readonly id: MessageId;
}

interface Waiter {
  readonly wanted: WaitFor;
  readonly resolve: (state: MessageState) => void;
  readonly reject: (error: FastChatError) => void;
}

const RANK = {
  none: 0,
  queued: 0,
  failed: 0,
  expired: 0,
  stored: 1,
  delivered: 2,
  read: 3,
} as const;

/** Whether a message in this state is as far as `wanted`. */
export function isReached(state: MessageState, wanted: WaitFor): boolean {
  return RANK[state] >= RANK[wanted];
}

export class SendWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<Waiter>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws what became of the message; E_TIMEOUT after `timeoutMs` (the message goes on) */
  wait(name: MessageName, wanted: WaitFor, timeoutMs: number): Promise<MessageState> {
    const key = keyOf(name);
    const waiters = this.#waiting.get(key) ?? new Set<Waiter>();
    this.#waiting.set(key, waiters);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel();
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#waiting.get(key) === waiters) this.#waiting.delete(key);
      };
      const waiter: Waiter = {
        wanted,
        resolve: (state) => {
          end();
          resolve(state);
        },
        reject: (error) => {
          end();
          reject(error);
        },
      };
      waiters.add(waiter);
      const late = `message ${name.id} is not ${wanted} yet; it stays in the outbox`;
      const timer = this.#clock.after(timeoutMs, () =>
        waiter.reject(new FastChatError('E_TIMEOUT', late)),
      );
    });
  }

  /** The message is in this state now. */
  reached(name: MessageName, state: MessageState): void {
    for (const waiter of this.#of(name)) {
      if (isReached(state, waiter.wanted)) waiter.resolve(state);
      else if (state === 'expired')
        waiter.reject(new FastChatError('E_TIMEOUT', 'the message expired undelivered'));
    }
  }

  fail(name: MessageName, error: FastChatError): void {
    for (const waiter of this.#of(name)) waiter.reject(error);
  }

  /** Whether somebody waits for what only a receipt can tell. */
  get awaitsReceipt(): boolean {
    for (const waiters of this.#waiting.values())
      for (const { wanted } of waiters) if (RANK[wanted] > RANK.stored) return true;
    return false;
  }

  /** Nobody will hear anything any more. */
  failAll(error: FastChatError): void {
    for (const waiters of this.#waiting.values())
      for (const waiter of waiters) waiter.reject(error);
  }

  #of(name: MessageName): readonly Waiter[] {
    return [...(this.#waiting.get(keyOf(name)) ?? [])];
  }
}

function keyOf({ conversation, id }: MessageName): string {
  return `${conversation} ${id}`;
}

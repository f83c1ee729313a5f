/** The calls of one link that have no answer yet: found by id, bounded in number, each with a deadline. */
import type { Clock, Timer } from '../../ops/clock.ts';
import { FastChatError } from '../../protocol/errors.ts';
import { CLIENT_CALLS_OPEN_MAX, CLIENT_DEADLINE_SWEEP_MS } from '../../protocol/limits.ts';

export interface OpenCall {
  /** Gets the raw answer; may throw E_BAD_FRAME. */
  readonly onReply: (raw: readonly unknown[]) => void;
  readonly onError: (error: FastChatError) => void;
}

interface Waiting extends OpenCall {
  readonly askedMs: number;
  readonly deadlineMs: number;
}

export class OpenCalls {
  readonly #clock: Clock;
  readonly #onWaiting: (sinceMs: number) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #sweeper: Timer | undefined;

  /** `onWaiting` is told, while calls wait, since when the oldest does. */
  constructor(clock: Clock, onWaiting: (sinceMs: number) => void) {
    this.#clock = clock;
    this.#onWaiting = onWaiting;
  }

  /** Waits for an answer at most `timeoutMs`, then fails with E_TIMEOUT. @returns the id to send. @throws E_RATE_LIMITED */
  add(call: OpenCall, timeoutMs: number): number {
    if (this.#waiting.size >= CLIENT_CALLS_OPEN_MAX)
      throw new FastChatError('E_RATE_LIMITED', 'too many calls of this client wait for an answer');
    this.#lastId += 1;
    const askedMs = this.#clock.mono();
    this.#waiting.set(this.#lastId, { ...call, askedMs, deadlineMs: askedMs + timeoutMs });
    // One timer sweeps all: a call ends late by at most one interval.
    this.#sweeper ??= this.#clock.after(CLIENT_DEADLINE_SWEEP_MS, () => this.#sweep());
    return this.#lastId;
  }

  /** An answer to nobody (overdue, given up) is dropped. @throws E_BAD_FRAME */
  answer(id: number, raw: readonly unknown[]): void {
    this.#take(id)?.onReply(raw);
  }

  refuse(id: number, error: FastChatError): void {
    this.#take(id)?.onError(error);
  }

  /** Fails every open call. */
  end(error: FastChatError): void {
    this.#sweeper?.cancel();
    this.#sweeper = undefined;
    const calls = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const call of calls) call.onError(error);
  }

  #take(id: number): OpenCall | undefined {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    return call;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    const nowMs = this.#clock.mono();
    const overdue = [...this.#waiting].filter(([, call]) => call.deadlineMs <= nowMs);
    for (const [id] of overdue)
      this.refuse(id, new FastChatError('E_TIMEOUT', 'the node did not answer in time'));
    for (const { askedMs } of this.#waiting.values()) {
      this.#onWaiting(askedMs);
      break;
    }
    if (this.#waiting.size > 0)
      this.#sweeper ??= this.#clock.after(CLIENT_DEADLINE_SWEEP_MS, () => this.#sweep());
  }
}

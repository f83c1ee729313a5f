/**
 * Ordered start and stop: parts start one after the other, stop in the reversed order, each within its deadline.
 * A part that hangs on the way down is logged and left behind, so that the others still get their turn.
 */
import { FastChatError } from '../protocol/errors.ts';
import { PART_START_DEADLINE_MS, PART_STOP_DEADLINE_MS } from '../protocol/limits.ts';
import type { Clock } from './clock.ts';
import { errorFields } from './log.ts';
import type { Log } from './log.ts';

export interface Part {
  readonly name: string;
  start?(): Promise<void> | void;
  stop?(): Promise<void> | void;
  /** Default PART_START_DEADLINE_MS. */
  readonly startDeadlineMs?: number;
  /** Default PART_STOP_DEADLINE_MS. */
  readonly stopDeadlineMs?: number;
}

/** Settles as `work` does, or rejects with E_TIMEOUT after `deadlineMs`. `work` itself goes on. */
export async function within<T>(
  clock: Clock,
  deadlineMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  let cancel = (): void => undefined;
  const overdue = new Promise<never>((_, reject) => {
    const timer = clock.after(deadlineMs, () =>
      reject(new FastChatError('E_TIMEOUT', `${what} took longer than ${deadlineMs} ms`)),
    );
    cancel = () => timer.cancel();
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    cancel();
  }
}

export class Lifecycle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running: Part[] = [];
  #stopping: Promise<void> | undefined;

  constructor(ports: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = ports.clock;
    this.#log = ports.log;
  }

  /** Starts `part` after everything started before it. On failure everything is stopped again. @throws what `start` threw */
  async start(part: Part): Promise<void> {
    const sinceMs = this.#clock.mono();
    try {
      const work = Promise.resolve(part.start?.());
      const deadlineMs = part.startDeadlineMs ?? PART_START_DEADLINE_MS;
      await within(this.#clock, deadlineMs, `starting ${part.name}`, work);
    } catch (cause) {
      this.#log.event('error', 'part_failed', { part: part.name, ...errorFields(cause) });
      // The failed part may hold half of its resources: it is asked to stop like the others.
      this.#running.push(part);
      await this.stop();
      throw cause;
    }
    this.#running.push(part);
    const tookMs = Math.round(this.#clock.mono() - sinceMs);
    this.#log.event('debug', 'part_started', { part: part.name, tookMs });
  }

  /** Stops everything in the reversed order of its start; never rejects; a second call waits for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (let part = this.#running.pop(); part !== undefined; part = this.#running.pop())
      await this.#stopOne(part);
  }

  async #stopOne(part: Part): Promise<void> {
    try {
      const work = Promise.resolve(part.stop?.());
      const deadlineMs = part.stopDeadlineMs ?? PART_STOP_DEADLINE_MS;
      await within(this.#clock, deadlineMs, `stopping ${part.name}`, work);
      this.#log.event('debug', 'part_stopped', { part: part.name });
    } catch (cause) {
      const isOverdue = cause instanceof FastChatError && cause.code === 'E_TIMEOUT';
      const name = isOverdue ? 'part_overdue' : 'part_failed';
      this.#log.event('error', name, { part: part.name, ...errorFields(cause) });
    }
  }
}

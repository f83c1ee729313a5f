/** Time as a port: production reads the machine's clocks, simulation a virtual one. */
import { performance } from 'node:perf_hooks';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970, UTC. May jump. */
  now(): number;
  /** Milliseconds on a clock that never jumps back; only differences mean anything. */
  mono(): number;
  /** Runs `task` once, `delayMs` from now. A pending timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs `task` in a later turn of the event loop, after the present one's input has been handled. */
  soon(task: () => void): void;
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(timeout: NodeJS.Timeout) {
    this.#timeout = timeout;
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, task) {
    return new SystemTimer(setTimeout(task, delayMs).unref());
  },
  soon(task) {
    setImmediate(task);
  },
};

/** The part of a clock that waits. */
export type Timers = Pick<Clock, 'after'>;

/** Runs `task` every `intervalMs` until cancelled; a slow task delays the next run instead of overlapping it. */
export function every(clock: Timers, intervalMs: number, task: () => void): Timer {
  let timer = clock.after(intervalMs, tick);
  function tick(): void {
    timer = clock.after(intervalMs, tick);
    task();
  }
  return { cancel: () => timer.cancel() };
}

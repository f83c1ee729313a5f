/** A disk and a clock whose every answer a test gives by hand. */
import type { Clock } from '../../../src/ops/clock.ts';
import type { Disk, DiskCommit, DiskWrite, Pair } from '../../../src/persist/environment.ts';

/** Time stands still until `advance`; `endTurn` runs what was put off with `soon`. */
export class ManualClock implements Clock {
  #now = 0;
  #soon: Array<() => void> = [];
  #timers: Array<{ readonly dueMs: number; readonly task: () => void }> = [];

  get timers(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#now;
  }

  mono(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): { cancel(): void } {
    const timer = { dueMs: this.#now + delayMs, task };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  soon(task: () => void): void {
    this.#soon.push(task);
  }

  endTurn(): void {
    for (const task of this.#soon.splice(0)) task();
  }

  advance(delayMs: number): void {
    this.#now += delayMs;
    const due = this.#timers.filter(({ dueMs }) => dueMs <= this.#now);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { task } of due) task();
  }
}

/** One transaction that waits for the test's verdict. */
export interface HeldCommit {
  readonly writes: readonly DiskWrite[];
  commit(): void;
  flush(): void;
  reject(error: Error): void;
}

/** Holds nothing: reads find only what is pending above it. */
export class ManualDisk implements Disk {
  readonly held: HeldCommit[] = [];
  closed = false;
  /** Thrown by every read, when set. */
  readError: Error | undefined;

  get(): undefined {
    if (this.readError !== undefined) throw this.readError;
    return undefined;
  }

  range(): Pair[] {
    if (this.readError !== undefined) throw this.readError;
    return [];
  }

  commit(writes: readonly DiskWrite[]): DiskCommit {
    const committed = deferred();
    const flushed = deferred();
    this.held.push({
      writes,
      commit: committed.resolve,
      flush() {
        committed.resolve();
        flushed.resolve();
      },
      reject: committed.reject,
    });
    return { committed: committed.promise, flushed: flushed.promise };
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

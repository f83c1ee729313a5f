/** Runs password steps in a worker thread, one after another; the thread ends when it has been idle for a while. */
import { Worker } from 'node:worker_threads';
import { FastChatError } from '../../protocol/errors.ts';
import { PASSWORD_WORKER_IDLE_MS } from '../../protocol/limits.ts';
import type { StepInput, StepName, StepOutput } from './opaque-steps.ts';
import type { StepAnswer, StepRequest } from './opaque-worker.ts';

/** The part of a clock that is needed here. */
export interface IdleTimer {
  after(delayMs: number, task: () => void): { cancel(): void };
}

interface Waiting {
  resolve(output: StepOutput | undefined): void;
  reject(cause: unknown): void;
}

/** From source, a plain starter brings the TypeScript loader; compiled, the worker starts as it is. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './opaque-worker.dev.mjs' : './opaque-worker.js',
  import.meta.url,
);

/** Keeps the process alive only while a step runs. */
export class Stretcher {
  readonly #timer: IdleTimer;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: { cancel(): void } | undefined;
  #nextId = 1;

  constructor(timer: IdleTimer) {
    this.#timer = timer;
  }

  /** Whether a thread exists; for tests. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** @throws E_BAD_FRAME from the step, E_INTERNAL when the thread died. */
  run(name: StepName, input: StepInput): Promise<StepOutput | undefined> {
    this.#idle?.cancel();
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const request: StepRequest = { id: this.#nextId++, name, input };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve, reject });
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
      worker.postMessage(request);
    });
  }

  /** Ends the thread; steps that still run fail. */
  async close(): Promise<void> {
    this.#idle?.cancel();
    const worker = this.#worker;
    this.#lost(worker, undefined);
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(WORKER);
    worker.on('message', (answer: StepAnswer) => this.#answered(answer));
    worker.on('error', (cause) => this.#lost(worker, cause));
    worker.on('exit', () => this.#lost(worker, undefined));
    return worker;
  }

  #answered(answer: StepAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('code' in answer) waiting?.reject(new FastChatError(answer.code, answer.message));
    else waiting?.resolve(answer.output);
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idle = this.#timer.after(PASSWORD_WORKER_IDLE_MS, () => void this.close());
  }

  /** A late event of a thread that was given up already changes nothing. */
  #lost(worker: Worker | undefined, cause: unknown): void {
    if (worker === undefined || worker !== this.#worker) return;
    this.#worker = undefined;
    for (const waiting of this.#waiting.values())
      waiting.reject(new FastChatError('E_INTERNAL', 'the password thread ended', { cause }));
    this.#waiting.clear();
  }
}

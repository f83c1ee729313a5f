/** Seeds over several processes: each gets the next one when it has done the last. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NO_COUNTS } from './seed-task.ts';
import type { SeedReport, SeedTask } from './seed-task.ts';

/** Young objects of a world live as long as its storm: with room for them they are not copied again and again. */
const WORKER_FLAGS = ['--max-semi-space-size=64', '--stack-trace-limit=0'];

function workerFile(): string {
  const isBuilt = import.meta.filename.endsWith('.js');
  return fileURLToPath(new URL(isBuilt ? './worker.js' : './worker.ts', import.meta.url));
}

export class SeedPool {
  readonly #tasks: Iterator<SeedTask>;
  readonly #onReport: (report: SeedReport) => void;
  #isStopped = false;

  constructor(tasks: Iterable<SeedTask>, onReport: (report: SeedReport) => void) {
    this.#tasks = tasks[Symbol.iterator]();
    this.#onReport = onReport;
  }

  /** No further seed is begun. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when every seed that was begun is done. */
  async run(jobs: number): Promise<void> {
    await Promise.all(Array.from({ length: jobs }, () => this.#work()));
  }

  async #work(): Promise<void> {
    let worker: ChildProcess | undefined;
    for (let task = this.#next(); task !== undefined; task = this.#next()) {
      worker ??= fork(workerFile(), [], { execArgv: [...process.execArgv, ...WORKER_FLAGS] });
      const report = await ask(worker, task);
      if (worker.exitCode !== null || worker.signalCode !== null) worker = undefined;
      this.#onReport(report);
    }
    worker?.disconnect();
  }

  #next(): SeedTask | undefined {
    if (this.#isStopped) return undefined;
    const { done, value } = this.#tasks.next() as IteratorResult<SeedTask, undefined>;
    return done === true ? undefined : value;
  }
}

function ask(worker: ChildProcess, task: SeedTask): Promise<SeedReport> {
  return new Promise((resolve) => {
    const died = (code: number | null, signal: string | null): void => {
      const violations = [`the process of this seed ended: ${signal ?? `exit ${code}`}`];
      resolve({ task, violations, counts: NO_COUNTS, faults: {} });
    };
    worker.once('exit', died);
    worker.once('message', (report) => {
      worker.off('exit', died);
      resolve(report as SeedReport);
    });
    worker.send(task);
  });
}

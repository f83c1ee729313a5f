/** A process that is started, hurt and started again: its signals, its life, its log in a file. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { atExit } from './last-resort.ts';

export interface Launch {
  /** The program and its arguments, after what puts it into its network or gives it another clock. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Receives what the process writes to stderr. */
  readonly log: string;
}

export type ExitReason = number | NodeJS.Signals;

export class ProcessUnderTest {
  readonly #child: ChildProcess;
  /** Resolves once the process has ended. */
  readonly exited: Promise<ExitReason>;
  /** The first line on stdout, or nothing when the process ended without one. */
  readonly firstLine: Promise<string | undefined>;
  #isRunning = true;
  #isPaused = false;
  #mayEnd = false;

  constructor({ command, env, log }: Launch) {
    const [program = '', ...args] = command;
    const logFile = openSync(log, 'a');
    this.#child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', logFile],
    });
    closeSync(logFile);
    const forget = atExit(() => void this.#child.kill('SIGKILL'));
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        this.#isRunning = false;
        forget();
        resolve(signal ?? code ?? 1);
      });
    });
    const { stdout } = this.#child;
    this.firstLine = new Promise((resolve) => {
      if (stdout === null) return resolve(undefined);
      createInterface({ input: stdout }).once('line', resolve);
      void this.exited.then(() => resolve(undefined));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** True when it ended although nobody asked it to. */
  get isCasualty(): boolean {
    return !this.#isRunning && !this.#mayEnd;
  }

  /** From now on its end is no surprise: the case makes a process end itself. */
  expectEnd(): void {
    this.#mayEnd = true;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Ends it with `signal`; resolves when it is gone. A paused process has to be able to notice. */
  async end(signal: NodeJS.Signals): Promise<ExitReason> {
    if (this.#isRunning) {
      this.#mayEnd = true;
      this.#child.kill(signal);
      this.resume();
    }
    return await this.exited;
  }

  pause(): void {
    this.#isPaused = true;
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#child.kill('SIGCONT');
  }
}

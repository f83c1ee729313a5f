/** Real processes for end-to-end tests: clusters, commands, and JSON-RPC conversations. Nothing here sleeps. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const LAUNCHER = fileURLToPath(new URL('../../bin/fastchat.js', import.meta.url));

/** A temporary folder; `remove` deletes it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'fastchat-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs one command to its end; stdin is empty unless given. */
export function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('close', (code, signal) =>
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 255), stdout, stderr }),
    );
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly code: string; readonly retry: string; readonly retryAfterMs?: number };
}

export class RpcFailure extends Error {
  readonly error: RpcError;
  constructor(error: RpcError) {
    super(`${error.data?.code ?? error.code}: ${error.message}`);
    this.error = error;
  }
  get code(): string {
    return this.error.data?.code ?? String(this.error.code);
  }
}

export type RpcEvent = Readonly<Record<string, unknown>> & {
  readonly type: string;
  readonly account: string;
};

interface Waiting {
  readonly matches: (event: RpcEvent) => boolean;
  readonly resolve: (event: RpcEvent) => void;
}

/** A `fastchat rpc` process and the conversation with it. */
export class Rpc {
  readonly events: RpcEvent[] = [];
  readonly stderr: string[] = [];
  readonly exited: Promise<number>;
  readonly #child;
  readonly #open = new Map<
    number,
    { resolve: (value: any) => void; reject: (error: Error) => void }
  >();
  #waiting: Waiting[] = [];
  #lastId = 0;

  constructor(args: { readonly home: string; readonly url: string }) {
    this.#child = spawn(
      process.execPath,
      [LAUNCHER, 'rpc', '--home', args.home, '--server', args.url],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#receive(line));
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.stderr.push(line));
    this.#child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        for (const open of this.#open.values())
          open.reject(new Error(`rpc ended with ${code}:\n${this.stderr.join('\n')}`));
        resolve(code ?? 255);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  call(method: string, params: Record<string, unknown> = {}): Promise<any> {
    const id = (this.#lastId += 1);
    this.raw(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return new Promise((resolve, reject) => this.#open.set(id, { resolve, reject }));
  }

  /** The error code of a call that must fail. */
  async refusal(
    method: string,
    params: Record<string, unknown> = {},
  ): Promise<RpcError['data'] & { code: string }> {
    try {
      await this.call(method, params);
    } catch (error) {
      if (error instanceof RpcFailure) return { retry: '', ...error.error.data, code: error.code };
      throw error;
    }
    throw new Error(`${method} should have been refused`);
  }

  raw(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Resolves with the first event, past or coming, that matches. */
  event(matches: (event: RpcEvent) => boolean): Promise<RpcEvent> {
    const past = this.events.find(matches);
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  /** Resolves when `count` events, past or coming, match. */
  async eventCount(count: number, matches: (event: RpcEvent) => boolean): Promise<RpcEvent[]> {
    const found = (): RpcEvent[] => this.events.filter(matches);
    while (found().length < count) {
      const seen = this.events.length;
      await new Promise<void>((resolve) =>
        this.#waiting.push({ matches: () => this.events.length > seen, resolve: () => resolve() }),
      );
    }
    return found();
  }

  messages(account: string): RpcEvent[] {
    return this.events.filter((event) => event.type === 'message' && event.account === account);
  }

  async end(): Promise<number> {
    this.#child.stdin.end();
    return this.exited;
  }

  kill(signal: NodeJS.Signals): Promise<number> {
    this.#child.kill(signal);
    return this.exited;
  }

  readonly answers: any[] = [];

  #receive(line: string): void {
    const message = JSON.parse(line);
    if (message.method === 'event') {
      this.events.push(message.params);
      const ready = this.#waiting.filter((waiting) => waiting.matches(message.params));
      this.#waiting = this.#waiting.filter((waiting) => !ready.includes(waiting));
      for (const waiting of ready) waiting.resolve(message.params);
      return;
    }
    this.answers.push(message);
    const open = this.#open.get(message.id);
    if (open === undefined) return;
    this.#open.delete(message.id);
    if (message.error === undefined) open.resolve(message.result);
    else open.reject(new RpcFailure(message.error));
  }
}

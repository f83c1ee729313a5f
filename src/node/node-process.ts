/** Runs `fastchat node` as a child process: used by `--dev`, by the demo and by tests that kill nodes. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FastChatError } from '../protocol/errors.ts';

/** The one line a node prints on stdout. */
export interface ReadyLine {
  readonly event: 'ready';
  readonly node: string;
  readonly url: string;
  readonly mesh: string;
  readonly http: string;
  readonly joinFile: string;
  readonly pid: number;
}

export interface NodeProcess {
  readonly ready: ReadyLine;
  readonly pid: number;
  /** Resolves with the exit code, or the signal's name, once the process has ended. */
  readonly exited: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * What is under way at a busy node outgrows V8's young generation and is then copied twice; a larger one cannot be asked
 * for once a process runs. OPERATING.md tells operators to give the same.
 */
const V8_FLAGS = ['--max-semi-space-size=32'];

const LAUNCHER = fileURLToPath(new URL('../../bin/fastchat.js', import.meta.url));

export interface SpawnOptions {
  /** Arguments after `fastchat node`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Receives each line of the node's log. */
  readonly onLog?: (line: string) => void;
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 1));
  });
}

/** Starts a node and resolves when it says that it is ready. @throws E_IO when it ends before that */
export async function spawnNode(options: SpawnOptions): Promise<NodeProcess> {
  const child = spawn(process.execPath, [...V8_FLAGS, LAUNCHER, 'node', ...options.args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = exitOf(child);
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    options.onLog?.(line);
  });
  const firstLine = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  const early = exited.then((code) => {
    throw new FastChatError(
      'E_IO',
      `a node ended with ${code} before it was ready:\n${tail.join('\n')}`,
    );
  });
  const ready = JSON.parse(await Promise.race([firstLine, early])) as ReadyLine;
  early.catch(() => undefined);
  return { ready, pid: ready.pid, exited, kill: (signal) => void child.kill(signal) };
}

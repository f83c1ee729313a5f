/** A process made of memory: what commands print is collected, what they read is written by the test. */
import { PassThrough } from 'node:stream';
import type { Clock } from '../../src/ops/clock.ts';
import { systemClock } from '../../src/ops/clock.ts';
import type { EndSignal, ProcessIo } from '../../src/ops/process-io.ts';

export interface CapturedOptions {
  /** Everything on stdin, which then ends; undefined: stdin stays open. */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  readonly clock?: Clock;
  /** Width of the terminal. */
  readonly columns?: number;
}

export interface CapturedIo extends ProcessIo {
  readonly stdin: PassThrough & { isTTY?: boolean };
  readonly stdout: PassThrough & { isTTY?: boolean; columns?: number };
  readonly out: () => string;
  readonly err: () => string;
  /** What `exit` was called with. */
  readonly exits: readonly number[];
  signal(signal: EndSignal): void;
  /** Resolves when stdout, so far or later, contains `text`. */
  shown(text: string): Promise<void>;
}

function collect(stream: PassThrough): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  return () => text;
}

export function capturedIo(options: CapturedOptions = {}): CapturedIo {
  const tty = options.isTTY === true ? { isTTY: true, setRawMode: () => undefined } : {};
  const stdin = Object.assign(new PassThrough(), tty);
  const size = options.columns === undefined ? {} : { columns: options.columns };
  const stdout = Object.assign(new PassThrough(), tty, size);
  const stderr = Object.assign(new PassThrough(), tty);
  if (options.stdin !== undefined) stdin.end(options.stdin);
  const out = collect(stdout);
  const listeners = new Set<(signal: EndSignal) => void>();
  const exits: number[] = [];
  return {
    stdin,
    stdout,
    stderr,
    env: { HOME: '/nowhere', ...options.env },
    clock: options.clock ?? systemClock,
    onSignal(listener) {
      listeners.add(listener);
      return { off: () => void listeners.delete(listener) };
    },
    exit: (code) => void exits.push(code),
    out,
    err: collect(stderr),
    exits,
    signal: (signal) => {
      for (const listener of listeners) listener(signal);
    },
    shown: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!out().includes(text)) return;
          stdout.off('data', look);
          resolve();
        };
        stdout.on('data', look);
        look();
      }),
  };
}

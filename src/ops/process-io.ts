/** The process as commands and the node see it: streams, environment, clock and signals, so that tests can be it. */
import type { Readable, Writable } from 'node:stream';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';

export type InputStream = Readable & {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
};
export type OutputStream = Writable & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};
export type EndSignal = 'SIGINT' | 'SIGTERM';

export interface ProcessIo {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Calls `listener` at every SIGINT and SIGTERM, instead of the process dying of it, until `off`. */
  onSignal(listener: (signal: EndSignal) => void): { off(): void };
  /** Ends the process at once. */
  exit(code: number): void;
}

function onSignal(listener: (signal: EndSignal) => void): { off(): void } {
  const interrupted = (): void => listener('SIGINT');
  const terminated = (): void => listener('SIGTERM');
  process.on('SIGINT', interrupted).on('SIGTERM', terminated);
  return {
    off: () => void process.off('SIGINT', interrupted).off('SIGTERM', terminated),
  };
}

/** The real process. */
export function processIo(): ProcessIo {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    onSignal,
    exit: (code) => process.exit(code),
  };
}

/**
 * Keeps the process alive until it is ended on purpose. Pending timers do not (see Clock), and a command that waits for
 * one with no socket open would otherwise vanish in the middle.
 */
export function keepAlive(): void {
  setInterval(() => undefined, 2 ** 30);
}

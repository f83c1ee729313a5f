/** Binds `main` to the real process: streams, signals, exit. */
import { keepAlive, processIo } from '../ops/process-io.ts';
import type { OutputStream } from '../ops/process-io.ts';
import { EXIT } from './exit-codes.ts';
import { main } from './main.ts';

/** Resolves when everything written so far has left the process; a reader that is gone counts as that. */
function flushed(stream: OutputStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

/** Runs the command of `process.argv` and ends the process with its exit code. */
export async function runProcess(): Promise<void> {
  const io = processIo();
  keepAlive();
  const crash = (cause: unknown): void => {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    io.stderr.write(`fastchat: internal error: ${text}\n`);
    io.exit(EXIT.internal);
  };
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  const code = await main(process.argv.slice(2), io);
  await Promise.all([flushed(io.stdout), flushed(io.stderr)]);
  // A handle that somebody forgot must not keep a finished command alive.
  io.exit(code);
}

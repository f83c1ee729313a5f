/** `fastchat …`: finds the command, runs it, turns its end into an exit code. */
import { within } from '../ops/lifecycle.ts';
import type { ProcessIo } from '../ops/process-io.ts';
import { COMMAND_GRACE_MS } from '../protocol/limits.ts';
import { unlessAborted } from './account.ts';
import { Arguments } from './arguments.ts';
import { parseCommandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import type { CliPorts, CommandContext, CommandSpec } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, exitCodeOf, Interrupted, OutputClosed } from './exit-codes.ts';
import { helpFor } from './help.ts';
import { homePath } from './home.ts';
import { Output } from './output.ts';

/** What commands reach when nothing else is handed in; the client library is loaded when a command opens an account. */
const REAL_PORTS: CliPorts = {
  async openClient(options) {
    const { openClient } = await import('./real-client.ts');
    return openClient(options);
  },
  async probeServer(url) {
    const { probeServer } = await import('./server-probe.ts');
    return probeServer(url);
  },
  fetch: (input, init) => globalThis.fetch(input, init),
};

function outputFor(io: ProcessIo, args: Arguments): Output {
  const { NO_COLOR, TERM } = io.env as { readonly NO_COLOR?: string; readonly TERM?: string };
  const isPlain = args.flag('no-color') || (NO_COLOR ?? '') !== '' || TERM === 'dumb';
  return new Output(io, {
    json: args.flag('json'),
    quiet: args.flag('quiet'),
    color: io.stdout.isTTY === true && !isPlain,
  });
}

/** Runs a command until it ends or the person, the system or the reader of its output ends it. */
async function runInterruptibly(
  spec: CommandSpec,
  context: Omit<CommandContext, 'signal'>,
): Promise<number> {
  const { io, out } = context;
  const abort = new AbortController();
  const signals = io.onSignal(() => {
    // The first one saves the outbox, a second one does not wait for that.
    if (abort.signal.aborted) io.exit(EXIT.interrupted);
    else abort.abort(new Interrupted('interrupted'));
  });
  void out.closed.then(() => abort.abort(new OutputClosed('nobody reads the output')));
  try {
    const run = await spec.load();
    return await endedBy(abort.signal, io, run({ ...context, signal: abort.signal }));
  } finally {
    signals.off();
  }
}

/** The end of `work`, or of the signal; then `work` gets a moment to close what it opened. */
async function endedBy(signal: AbortSignal, io: ProcessIo, work: Promise<number>): Promise<number> {
  try {
    return await unlessAborted(signal, work);
  } catch (cause) {
    const closed = work.then(
      () => undefined,
      () => undefined,
    );
    await within(io.clock, COMMAND_GRACE_MS, 'closing', closed).catch(() => undefined);
    throw cause;
  }
}

async function showHelp(
  line: Extract<CommandLine, { kind: 'help' }>,
  out: Output,
): Promise<number> {
  const text = helpFor(COMMANDS, line.words);
  if (line.isAsked) {
    await out.line(text);
    return EXIT.ok;
  }
  out.note(`which command?\n${text}`);
  return EXIT.usage;
}

async function execute(
  line: CommandLine,
  out: Output,
  io: ProcessIo,
  ports: CliPorts,
): Promise<number> {
  if (line.kind === 'help') return showHelp(line, out);
  const { spec, args } = line;
  const home = homePath(args.text('home'), io.env);
  const context = { io, out, args, home, ports };
  if (spec.ownsSignals !== true) return runInterruptibly(spec, context);
  const run = await spec.load();
  return run({ ...context, signal: new AbortController().signal });
}

/** Runs one command line; never rejects. The caller ends the process with the exit code. */
export async function main(
  argv: readonly string[],
  io: ProcessIo,
  ports: CliPorts = REAL_PORTS,
): Promise<number> {
  let out = outputFor(io, new Arguments([], { json: argv.includes('--json') }));
  try {
    const line = parseCommandLine(COMMANDS, argv);
    if (line.kind === 'command') out = outputFor(io, line.args);
    return await execute(line, out, io, ports);
  } catch (cause) {
    out.fail(cause);
    return exitCodeOf(cause);
  }
}

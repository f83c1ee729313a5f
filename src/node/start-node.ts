/** `fastchat node` as a process: opens what a node needs, starts it, says so, and ends it in order. */
import type { NodeConfig } from '../ops/config-schema.ts';
import { Lifecycle, within } from '../ops/lifecycle.ts';
import { createLog, errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import { keepAlive } from '../ops/process-io.ts';
import type { EndSignal, ProcessIo } from '../ops/process-io.ts';
import { asFastChatError, ERRORS } from '../protocol/errors.ts';
import { openNode } from './open-node.ts';
import type { OpenedNode } from './open-node.ts';

const EXIT_CLEAN = 0;
const EXIT_INTERRUPTED = 130;
const EXIT_INTERNAL = ERRORS.E_INTERNAL.exit;

/** Whoever asks first: a signal, `admin drain`, or a failure that the node cannot go on with. */
class Ending {
  readonly asked: Promise<void>;
  #resolve: () => void = () => undefined;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  ask(): void {
    this.#resolve();
  }
}

/** A failure nobody can handle: one log line, then the end, because continuing would be lying. */
function failer(log: Log, io: ProcessIo): (cause: unknown) => void {
  return (cause) => {
    log.event('error', 'node_failed', errorFields(cause));
    io.exit(EXIT_INTERNAL);
  };
}

function watchProcess(fail: (cause: unknown) => void): void {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

async function end(opened: OpenedNode, config: NodeConfig, log: Log): Promise<void> {
  const { clock, node } = opened;
  try {
    await within(clock, config.drainTimeout, 'the drain', node.drain());
  } catch (cause) {
    log.event('warn', 'part_overdue', { part: 'drain', ...errorFields(cause) });
  }
}

/**
 * Runs one node until SIGTERM, SIGINT or `admin drain` ends it; prints the ready line on stdout and the log on stderr.
 * Resolves with the exit code. A second signal ends the process at once.
 */
export async function startNodeProcess(config: NodeConfig, io: ProcessIo): Promise<number> {
  const { clock } = io;
  const log = createLog({ level: config.logLevel, clock, sink: io.stderr });
  const fail = failer(log, io);
  const lifecycle = new Lifecycle({ clock, log });
  const ending = new Ending();
  let signalled = false;
  const onSignal = (signal: EndSignal): void => {
    ending.ask();
    // The first signal after `admin drain` lets the drain go on: only a second signal is impatience.
    if (signalled) io.exit(signal === 'SIGINT' ? EXIT_INTERRUPTED : EXIT_CLEAN);
    signalled = true;
  };
  const signals = io.onSignal(onSignal);
  keepAlive();
  watchProcess(fail);
  try {
    const opened = await openNode({ config, io, log, lifecycle, fail, drain: () => ending.ask() });
    io.stdout.write(`${JSON.stringify(opened.ready)}\n`);
    log.event('info', 'node_ready', { node: opened.ready.node, url: opened.ready.url });
    await ending.asked;
    await end(opened, config, log);
    await lifecycle.stop();
    log.event('info', 'node_stopped');
    return EXIT_CLEAN;
  } catch (cause) {
    log.event('error', 'node_failed', errorFields(cause));
    await lifecycle.stop();
    throw asFastChatError(cause);
  } finally {
    signals.off();
  }
}

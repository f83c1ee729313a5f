/** `fastchat node`: settings in, a running node (or a small cluster of them) until it is told to stop. */
import { readFile } from 'node:fs/promises';
import { CONFIG_FILE_ENV, loadConfig } from '../ops/config.ts';
import type { LoadedConfig } from '../ops/config.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import { printConfig } from '../ops/config-text.ts';
import type { ProcessIo } from '../ops/process-io.ts';
import { FastChatError } from '../protocol/errors.ts';
import { DEV_NODES_MAX } from '../protocol/limits.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { FLAG_KEYS } from './node-options.ts';

/**
 * Runs one node until SIGTERM, SIGINT or `admin drain` ends it; prints the ready line on stdout and the log on stderr.
 * Resolves with the exit code.
 */
export type StartNodeProcess = (config: NodeConfig, io: ProcessIo) => Promise<number>;

/** Flags that every node of `--dev` gets its own value of. */
const OWN_TO_EACH_NODE = ['name', 'listen', 'mesh', 'http', 'join'];

function givenFlags(context: CommandContext): ReadonlyMap<string, string> {
  const pairs = FLAG_KEYS.map((key) => [key.flag, context.args.text(key.flag)] as const);
  return new Map(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

async function readConfigFile(
  path: string,
): Promise<{ readonly path: string; readonly text: string }> {
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (cause) {
    throw new FastChatError('E_CONFIG', `config: cannot read ${path}`, { cause });
  }
}

async function load(context: CommandContext): Promise<LoadedConfig> {
  const { env } = context.io;
  const path = context.args.text('config') ?? env[CONFIG_FILE_ENV];
  const file = path === undefined ? undefined : await readConfigFile(path);
  return loadConfig({ flags: Object.fromEntries(givenFlags(context)), env, file });
}

async function runNode(config: NodeConfig, io: ProcessIo): Promise<number> {
  if (config.data === undefined)
    throw new FastChatError(
      'E_USAGE',
      'say where the node keeps its data: --data DIR (or --dev 3)',
    );
  const { startNodeProcess }: { readonly startNodeProcess: StartNodeProcess } =
    await import('../node/start-node.ts');
  return startNodeProcess(config, io);
}

async function runDev(context: CommandContext, config: NodeConfig): Promise<number> {
  const nodes = context.args.count('dev', DEV_NODES_MAX) ?? 1;
  const flags = givenFlags(context);
  const own = OWN_TO_EACH_NODE.find((flag) => flags.has(flag));
  if (own !== undefined)
    throw new FastChatError('E_USAGE', `--${own} makes no sense with --dev: each node has its own`);
  const file = context.args.text('config');
  const passed = [...flags]
    .filter(([flag]) => flag !== 'data')
    .map(([flag, value]) => `--${flag}=${value}`);
  const { runDevCluster } = await import('./dev-command.ts');
  return runDevCluster(context, {
    nodes,
    dataDir: config.data,
    args: [...(file === undefined ? [] : [`--config=${file}`]), ...passed],
  });
}

export async function node(context: CommandContext): Promise<number> {
  const loaded = await load(context);
  if (context.args.flag('print-config')) {
    await context.out.line(printConfig(loaded).trimEnd());
    return EXIT.ok;
  }
  if (context.args.flag('check-config')) {
    context.out.note('the configuration is right');
    return EXIT.ok;
  }
  if (context.args.text('dev') !== undefined) return runDev(context, loaded.config);
  return runNode(loaded.config, context.io);
}

/**
 * Clusters with accounts in them. Making an account takes milliseconds, so each cluster is made once, kept in a cache
 * under the temporary folder, and copied for every run: a run begins with fresh data and known keys.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { startDevCluster } from '../src/node/dev-cluster.ts';
import type { DevCluster } from '../src/node/dev-cluster.ts';
import type { BenchAccount } from './account.ts';
import { Generator } from './generator/generator.ts';

const CACHE = join(tmpdir(), `fastchat-bench-${userInfo().username}`);
/** Grows with what is kept of an account; older copies are left alone. */
const ACCOUNTS_FORMAT = 2;
const MANY = '1000000';
/** Limits are for people; what is measured here is the machine. */
const RAISED_LIMITS = [
  'messages-per-second',
  'messages-burst',
  'mailbox-messages',
  'stranger-messages',
  'logins-per-minute-per-source',
  'registrations-per-minute-per-source',
];
const NODE_ARGS = RAISED_LIMITS.flatMap((name) => [`--limits.${name}`, MANY]);

export interface WorldSize {
  readonly nodes: number;
  readonly users: number;
}

export interface World {
  readonly cluster: DevCluster;
  readonly accounts: readonly BenchAccount[];
  /** Stops the cluster and removes its data. */
  end(): Promise<void>;
}

type OnLog = (node: string, line: string) => void;

function start(nodes: number, dataDir: string, onLog: OnLog): Promise<DevCluster> {
  return startDevCluster({
    nodes,
    dataDir,
    args: [...NODE_ARGS, '--log-level', 'warn'],
    onLog: (node, line) => onLog(node, line),
  });
}

/** A running copy of the cached cluster of that size, which is made first when there is none. */
export async function openWorld({ nodes, users }: WorldSize): Promise<World> {
  const cached = join(CACHE, `nodes-${nodes}-users-${users}-v${ACCOUNTS_FORMAT}`);
  if (!existsSync(cached)) await make({ nodes, users }, cached);
  const dataDir = mkdtempSync(join(CACHE, 'run-'));
  cpSync(cached, dataDir, { recursive: true, preserveTimestamps: true });
  const accounts = JSON.parse(
    readFileSync(join(dataDir, 'accounts.json'), 'utf8'),
  ) as BenchAccount[];
  let isEnding = false;
  // Nodes that stop all at once miss each other, and say so.
  const cluster = await start(nodes, dataDir, (node, line) => {
    if (!isEnding) console.error(node, line);
  });
  return {
    cluster,
    accounts,
    async end() {
      isEnding = true;
      await cluster.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function make({ nodes, users }: WorldSize, cached: string): Promise<void> {
  console.error(`making ${users} accounts once`);
  mkdirSync(CACHE, { recursive: true, mode: 0o700 });
  const dataDir = mkdtempSync(join(CACHE, 'new-'));
  const cluster = await start(nodes, dataDir, (node, line) => console.error(node, line));
  const generator = new Generator();
  const names = Array.from({ length: users }, (_, index) => `@bench-${index}`);
  let accounts: readonly BenchAccount[] = [];
  try {
    await generator.call('prepare', { url: cluster.url, accounts: [], bodyBytes: 0 });
    accounts = await generator.call('register', names);
  } finally {
    await generator.end();
    await cluster.stop();
    if (accounts.length === 0) rmSync(dataDir, { recursive: true, force: true });
  }
  const inOrder = names.map((name) => accounts.find(({ user }) => user === name));
  writeFileSync(join(dataDir, 'accounts.json'), JSON.stringify(inOrder));
  renameSync(dataDir, cached);
}

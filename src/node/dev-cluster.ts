/** `fastchat node --dev N`: a whole cluster of real node processes on this machine, for trying things out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterReport } from '../ops/admin-api.ts';
import { systemClock } from '../ops/clock.ts';
import { spawnNode } from './node-process.ts';
import type { NodeProcess } from './node-process.ts';

const SETTLE_POLL_MS = 30;
const SETTLE_LIMIT_MS = 10_000;

export interface DevClusterOptions {
  readonly nodes: number;
  /** Kept when given; otherwise a temporary folder that goes with the cluster. */
  readonly dataDir?: string | undefined;
  /** Further arguments for every node, such as `--log-level`. */
  readonly args?: readonly string[];
  readonly onLog?: (node: string, line: string) => void;
}

export interface DevCluster {
  readonly nodes: readonly NodeProcess[];
  /** One connect URL that names the gate of every node. */
  readonly url: string;
  readonly dataDir: string;
  /** Ends one node with `signal`, waits until it is gone. */
  kill(index: number, signal: NodeJS.Signals): Promise<void>;
  /** Starts a node that ended again, on its data and ports. */
  restart(index: number): Promise<NodeProcess>;
  /** Starts one more node; the shards come to it by and by. */
  add(): Promise<NodeProcess>;
  /** Ends every node in order; removes temporary data. */
  stop(): Promise<void>;
}

/** Joins the hosts of several connect URLs of one cluster: `fastchat://a,b,c?fp=…`. */
export function joinUrls(urls: readonly string[]): string {
  const hosts = urls.map((url) => /^fastchat:\/\/([^?]*)/.exec(url)?.[1] ?? '');
  const query = /\?.*$/.exec(urls[0] ?? '')?.[0] ?? '';
  return `fastchat://${hosts.join(',')}${query}`;
}

const isEven = (counts: readonly number[]): boolean =>
  Math.max(...counts) - Math.min(...counts) <= 1;

/** Whether a node sees all members up, every shard with its copies, and the shards shared out. */
async function isSettled({ ready }: NodeProcess, count: number): Promise<boolean> {
  const response = await fetch(new URL('/cluster', ready.http));
  const { members, degraded } = (await response.json()) as ClusterReport;
  const isShared = isEven(members.map(({ shardsOwned }) => shardsOwned));
  const areUp = members.length === count && members.every(({ state }) => state === 'up');
  return areUp && !degraded && isShared;
}

/** The nodes that came later are still being given their shards: whoever counts on a quiet start waits for the end of it. */
async function settled(nodes: readonly NodeProcess[]): Promise<void> {
  const deadlineMs = systemClock.mono() + SETTLE_LIMIT_MS;
  for (const node of nodes)
    while (!(await isSettled(node, nodes.length)) && systemClock.mono() < deadlineMs)
      await new Promise<void>((resolve) => {
        systemClock.after(SETTLE_POLL_MS, resolve);
      });
}

export async function startDevCluster(options: DevClusterOptions): Promise<DevCluster> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'fastchat-dev-')));
  const directory = (index: number): string => join(dataDir, `n${index + 1}`);
  const start = (index: number): Promise<NodeProcess> => {
    const name = `n${index + 1}`;
    const free = ['--listen', '127.0.0.1:0', '--mesh', '127.0.0.1:0', '--http', '127.0.0.1:0'];
    const joining = index === 0 ? [] : ['--join', join(directory(0), 'join.token')];
    return spawnNode({
      args: [
        '--data',
        directory(index),
        '--name',
        name,
        ...free,
        ...joining,
        ...(options.args ?? []),
      ],
      env: { FASTCHAT_NODE_DEV: 'true' },
      onLog: (line) => options.onLog?.(name, line),
    });
  };
  const nodes: NodeProcess[] = [];
  // One after the other: the second needs the first one's token, and names stay in order.
  try {
    for (let index = 0; index < options.nodes; index += 1) nodes.push(await start(index));
  } catch (cause) {
    // One that cannot start must not leave the others behind.
    for (const node of nodes) node.kill('SIGTERM');
    await Promise.all(nodes.map((node) => node.exited));
    throw cause;
  }
  await settled(nodes);
  return {
    nodes,
    dataDir,
    url: joinUrls(nodes.map((node) => node.ready.url)),
    async kill(index, signal) {
      nodes[index]?.kill(signal);
      await nodes[index]?.exited;
    },
    async restart(index) {
      const node = await start(index);
      nodes[index] = node;
      return node;
    },
    async add() {
      const node = await start(nodes.length);
      nodes.push(node);
      return node;
    },
    async stop() {
      for (const node of nodes) node.kill('SIGTERM');
      await Promise.all(nodes.map((node) => node.exited));
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

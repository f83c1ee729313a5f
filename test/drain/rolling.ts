/** A cluster of real processes whose nodes are drained and restarted while many sessions write. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import type { ClusterReport } from '../../src/ops/admin-api.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { Load } from '../faults/harness/load.ts';
import { monoMs, readJournals } from '../faults/verdict/journal.ts';
import { drainFigures } from './figures.ts';
import type { DrainFigures } from './figures.ts';

export interface RollingOptions {
  readonly nodes: number;
  readonly sessions: number;
  /** Messages per second, over all sessions. */
  readonly rate: number;
  /** How many of the nodes are restarted, one after the other. */
  readonly restarts: number;
  /** Further arguments of every node. */
  readonly args: readonly string[];
  readonly say: (text: string) => void;
}

export interface RollingResult extends DrainFigures {
  /** How long each node took from its SIGTERM to its end, milliseconds. */
  readonly drainMs: readonly number[];
  /** How each ended: 0, unless something is wrong. */
  readonly exits: ReadonlyArray<number | string>;
}

/** Everybody comes from one address here. */
const MANY = 1_000_000;
const ONE_SOURCE = ['logins', 'registrations'].map(
  (what) => `--limits.${what}-per-minute-per-source=${MANY}`,
);
const PEERS = 2;
const LIMIT_MS = 60_000;
const POLL_MS = 100;

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

async function isWhole(http: string, count: number): Promise<boolean> {
  const response = await fetch(new URL('/cluster', http));
  const { members, degraded, ownerlessShards } = (await response.json()) as ClusterReport;
  const areUp = members.filter(({ state }) => state === 'up').length === count;
  return areUp && !degraded && ownerlessShards === 0;
}

/** Resolves when every node sees all the others and every shard has its copies and its owner. */
async function whole({ nodes }: DevCluster): Promise<void> {
  const deadlineMs = systemClock.mono() + LIMIT_MS;
  for (const { ready } of nodes)
    while (!(await isWhole(ready.http, nodes.length))) {
      if (systemClock.mono() > deadlineMs)
        throw new Error(`${ready.node} sees no whole cluster after ${LIMIT_MS} ms`);
      await pause(POLL_MS);
    }
}

interface Restart {
  readonly drainMs: number;
  readonly exit: number | string;
}

async function restart(cluster: DevCluster, index: number): Promise<Restart> {
  const startedMs = monoMs();
  const node = cluster.nodes[index];
  node?.kill('SIGTERM');
  const exit = (await node?.exited) ?? 'no such node';
  const drainMs = Math.round(monoMs() - startedMs);
  await cluster.restart(index);
  await whole(cluster);
  return { drainMs, exit };
}

async function hurt(
  cluster: DevCluster,
  load: Load,
  options: RollingOptions,
): Promise<readonly Restart[]> {
  const { restarts, rate, say } = options;
  const done: Restart[] = [];
  await load.ask('start', rate);
  for (let index = 0; index < restarts; index += 1) {
    const each = await restart(cluster, index);
    say(`n${index + 1} drained in ${each.drainMs} ms and is back`);
    done.push(each);
  }
  await load.ask('stop');
  await load.ask('settled', LIMIT_MS);
  await load.ask('flush');
  return done;
}

/** Restarts nodes one after the other under load; resolves with what the clients saw. */
export async function rollingRestart(options: RollingOptions): Promise<RollingResult> {
  const folder = mkdtempSync(join(tmpdir(), 'fastchat-drain-'));
  const journal = join(folder, 'clients.jsonl');
  const { nodes, sessions, args, say } = options;
  const cluster = await startDevCluster({ nodes, args: [...ONE_SOURCE, ...args] });
  const load = new Load();
  try {
    const plan = { url: cluster.url, journal, users: sessions, peers: PEERS };
    await load.ask('gather', plan);
    say(`${sessions} sessions on ${nodes} nodes`);
    await whole(cluster);
    const fromMs = monoMs();
    const done = await hurt(cluster, load, options);
    const figures = drainFigures(readJournals([journal]), fromMs);
    return {
      ...figures,
      drainMs: done.map(({ drainMs }) => drainMs),
      exits: done.map(({ exit }) => exit),
    };
  } finally {
    await load.end();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

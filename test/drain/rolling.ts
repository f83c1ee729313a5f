/** A cluster of real processes whose nodes are drained and restarted while many sessions write. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import type { ClusterReport } from '../../src/ops/admin-api.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { lasting } from '../faults/harness/eventually.ts';
import { Load } from '../faults/harness/load.ts';
import { monoMs, readJournals } from '../faults/verdict/journal.ts';
import { drainFigures } from './figures.ts';
import type { DrainFigures } from './figures.ts';

export interface LoadOptions {
  readonly nodes: number;
  readonly sessions: number;
  /** Messages per second, over all sessions. */
  readonly rate: number;
  /** Further arguments of every node. */
  readonly args: readonly string[];
  readonly say: (text: string) => void;
}

export interface RollingOptions extends LoadOptions {
  /** How many of the nodes are restarted, one after the other. */
  readonly restarts: number;
}

export interface RollingResult extends DrainFigures {
  /** How long each node took from its SIGTERM to its end, milliseconds. */
  readonly drainMs: readonly number[];
  /** How each ended: 0, unless something is wrong. */
  readonly exits: ReadonlyArray<number | string>;
}

export interface GrowthResult extends DrainFigures {
  /** From the start of the new node's process until all nodes owned and held equally many shards. */
  readonly evenMs: number;
}

/** Everybody comes from one address here. */
const MANY = 1_000_000;
const ONE_SOURCE = ['logins', 'registrations'].map(
  (what) => `--limits.${what}-per-minute-per-source=${MANY}`,
);
const PEERS = 2;
const LIMIT_MS = 60_000;
const POLL_MS = 100;

async function reportOf(http: string): Promise<ClusterReport> {
  return (await (await fetch(new URL('/cluster', http))).json()) as ClusterReport;
}

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

function isWhole({ members, degraded, ownerlessShards }: ClusterReport, nodes: number): boolean {
  const areUp = members.filter(({ state }) => state === 'up').length === nodes;
  return areUp && !degraded && ownerlessShards === 0;
}

function isEven(report: ClusterReport, nodes: number): boolean {
  const owned = report.members.map(({ shardsOwned }) => shardsOwned);
  const held = report.members.map(({ shardsHeld }) => shardsHeld);
  return isWhole(report, nodes) && spread(owned) <= 1 && spread(held) <= 1;
}

/** Resolves when every node says so. */
async function until(
  { nodes }: DevCluster,
  isSo: (report: ClusterReport, nodes: number) => boolean,
): Promise<void> {
  const deadlineMs = systemClock.mono() + LIMIT_MS;
  for (const { ready } of nodes)
    for (;;) {
      const report = await reportOf(ready.http);
      if (isSo(report, nodes.length)) break;
      if (systemClock.mono() > deadlineMs)
        throw new Error(`${ready.node} after ${LIMIT_MS} ms: ${JSON.stringify(report.members)}`);
      await lasting(POLL_MS);
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
  await until(cluster, isWhole);
  return { drainMs, exit };
}

/** Does something to a cluster under load; resolves with it and with what the clients saw meanwhile. */
async function underLoad<T>(
  options: LoadOptions,
  act: (cluster: DevCluster) => Promise<T>,
): Promise<{ readonly figures: DrainFigures; readonly done: T }> {
  const folder = mkdtempSync(join(tmpdir(), 'fastchat-drain-'));
  const journal = join(folder, 'clients.jsonl');
  const { nodes, sessions, rate, args, say } = options;
  const cluster = await startDevCluster({ nodes, args: [...ONE_SOURCE, ...args] });
  const load = new Load();
  try {
    const plan = { url: cluster.url, journal, users: sessions, peers: PEERS, groupSize: 0 };
    await load.ask('gather', plan);
    say(`${sessions} sessions on ${nodes} nodes`);
    await until(cluster, isEven);
    const fromMs = monoMs();
    await load.ask('start', rate);
    const done = await act(cluster);
    await load.ask('stop');
    await load.ask('settled', LIMIT_MS);
    await load.ask('flush');
    return { figures: drainFigures(readJournals([journal]), fromMs), done };
  } finally {
    await load.end();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Restarts nodes one after the other under load. */
export async function rollingRestart(options: RollingOptions): Promise<RollingResult> {
  const { figures, done } = await underLoad(options, async (cluster) => {
    const restarts: Restart[] = [];
    // The first node, which keeps the coordinator, comes last: while it is away nobody can be let in anew.
    for (let count = 1; count <= options.restarts; count += 1) {
      const index = options.nodes - count;
      const each = await restart(cluster, index);
      options.say(`n${index + 1} drained in ${each.drainMs} ms and is back`);
      restarts.push(each);
    }
    return restarts;
  });
  return {
    ...figures,
    drainMs: done.map(({ drainMs }) => drainMs),
    exits: done.map(({ exit }) => exit),
  };
}

/** Adds a node under load. */
export async function growth(options: LoadOptions): Promise<GrowthResult> {
  const { figures, done } = await underLoad(options, async (cluster) => {
    const startedMs = monoMs();
    await cluster.add();
    await until(cluster, isEven);
    return Math.round(monoMs() - startedMs);
  });
  options.say(`even again after ${done} ms`);
  return { ...figures, evenMs: done };
}

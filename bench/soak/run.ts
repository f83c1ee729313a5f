/**
 * `npm run soak:node -- --minutes 30`: one real node under mixed traffic (see `traffic.ts` and `garbage.ts`). Shows that
 * memory and open files stay flat, that nothing crashes, and that every message arrives once and in order.
 * Exit 1 when one of it is not so. Linux only.
 */
import { parseArgs } from 'node:util';
import { parseConnectUrl } from '../../src/client/connect-url.ts';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import type { NodeProcess } from '../../src/node/node-process.ts';
import { seededRandom } from '../../src/ops/random.ts';
import { Logins } from '../generator/login.ts';
import { sealedBytes } from '../sealed-size.ts';
import { Garbage } from './garbage.ts';
import { Traffic } from './traffic.ts';
import { BOUNDS, filesOf, judge, lookAt } from './watch.ts';
import type { Look } from './watch.ts';

const MANY = '1000000';
/** Everybody comes from one address here. */
const NODE_ARGS = [
  '--limits.logins-per-minute-per-source',
  MANY,
  '--limits.registrations-per-minute-per-source',
  MANY,
  '--limits.messages-per-second',
  MANY,
  '--limits.messages-burst',
  MANY,
  '--limits.mailbox-messages',
  MANY,
  '--limits.stranger-messages',
  MANY,
  '--log-level',
  'warn',
];
const HOOK = new URL('../gc-hook.mjs', import.meta.url).href;
const TEXT_BYTES = 256;
/** Caches fill and code is compiled in the first part of a run, which therefore says nothing about growth. */
const WARM_UP_SHARE = 0.2;
const LOOKS = 60;
const LOOK_INTERVAL_SECONDS_MIN = 5;
/** Below it a trend is noise. */
const TREND_SECONDS_MIN = 120;
const PROBLEMS_SHOWN = 10;
const FILES_LEFT_MAX = 5;
const CLOSE_LIMIT_MS = 20_000;
const EXIT_INTERRUPTED = 130;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    minutes: { ...text, default: '30' },
    seconds: text,
    users: { ...text, default: '100' },
    rate: { ...text, default: '50' },
    seed: { ...text, default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = values.seconds === undefined ? Number(values.minutes) * 60 : Number(values.seconds);
const problems: string[] = [];
let isEnding = false;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function note(problem: string): void {
  if (!isEnding) problems.push(problem);
}

/** Nodes inherit the environment. */
async function startNode(): Promise<DevCluster> {
  process.env['NODE_OPTIONS'] = `--import ${HOOK}`;
  const cluster = await startDevCluster({
    nodes: 1,
    args: NODE_ARGS,
    onLog: (_node, line) => note(`the node logged ${line}`),
  });
  delete process.env['NODE_OPTIONS'];
  return cluster;
}

function say(look: Look, traffic: Traffic): void {
  if (values.json) return;
  const { logins, stored, delivered } = traffic.look();
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `${String(Math.round(look.seconds)).padStart(6)} s  heap ${mib(look.heapBytes)} MiB, own ${mib(look.ownBytes)} MiB, ` +
      `${look.files} files, lag ${look.lagMs.toFixed(1)} ms; ${logins} logins, ${stored} stored, ${delivered} delivered`,
  );
}

async function watch(node: NodeProcess, traffic: Traffic): Promise<readonly Look[]> {
  const intervalMs = Math.max(LOOK_INTERVAL_SECONDS_MIN, seconds / LOOKS) * 1000;
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1000;
  const looks: Look[] = [];
  while (elapsed() < seconds) {
    await sleep(Math.min(intervalMs, seconds * 1000 - elapsed() * 1000));
    const look = await lookAt(node, elapsed());
    looks.push(look);
    say(look, traffic);
  }
  return looks;
}

/** Once all clients are gone, what they had open must be gone, too. */
async function countFilesLeft(node: NodeProcess, before: number): Promise<number> {
  const endMs = performance.now() + CLOSE_LIMIT_MS;
  let left = filesOf(node.pid) - before;
  while (left > FILES_LEFT_MAX && performance.now() < endMs) {
    await sleep(100);
    left = filesOf(node.pid) - before;
  }
  if (left > FILES_LEFT_MAX) problems.push(`${left} files stay open after everybody left`);
  return left;
}

function judgeAll(looks: readonly Look[]): readonly string[] {
  const kept = looks.filter(({ seconds: at }) => at >= seconds * WARM_UP_SHARE);
  if (seconds < TREND_SECONDS_MIN) return [`too short to tell whether memory grows`];
  return BOUNDS.map((bound) => {
    const { isWithin, text: judgement } = judge(kept, bound);
    if (!isWithin) problems.push(judgement);
    return judgement;
  });
}

async function soak(cluster: DevCluster): Promise<void> {
  const [node] = cluster.nodes;
  const [gate] = parseConnectUrl(cluster.url).gates;
  if (node === undefined || gate === undefined) throw new Error('a cluster has a node');
  void node.exited.then((how) => note(`the node ended: ${how}`));
  const random = seededRandom(Number(values.seed));
  const filesBefore = filesOf(node.pid);
  const traffic = new Traffic({
    logins: new Logins(cluster.url),
    random,
    users: 2 * Math.ceil(Number(values.users) / 2),
    messagesPerSecond: Number(values.rate),
    bodyBytes: await sealedBytes(TEXT_BYTES),
  });
  await traffic.open();
  traffic.start();
  const garbage = new Garbage(gate, random, 1000);
  const looks = await watch(node, traffic);
  garbage.end();
  await traffic.settle();
  const counts = traffic.look();
  traffic.close();
  const filesLeft = await countFilesLeft(node, filesBefore);
  problems.push(...traffic.problems);
  report(looks, { ...counts, garbage: garbage.made, filesLeft });
}

function report(looks: readonly Look[], counts: Readonly<Record<string, number>>): void {
  const judgements = judgeAll(looks);
  const lags = looks.map(({ lagMs }) => lagMs).sort((left, right) => left - right);
  const lag = { median: lags[Math.floor(lags.length / 2)] ?? 0, max: lags.at(-1) ?? 0 };
  if (values.json) {
    console.log(JSON.stringify({ seconds, seed: values.seed, counts, judgements, lag, problems }));
    return;
  }
  for (const judgement of judgements) console.log(judgement);
  console.log(
    `event loop late by ${lag.median.toFixed(1)} ms (median), ${lag.max.toFixed(1)} ms (most)`,
  );
  console.log(JSON.stringify(counts));
}

const cluster = await startNode();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    isEnding = true;
    // The node is another process, which would stay.
    void cluster.stop().finally(() => process.exit(EXIT_INTERRUPTED));
  });
try {
  await soak(cluster);
} finally {
  isEnding = true;
  await cluster.stop();
}
for (const problem of problems.slice(0, PROBLEMS_SHOWN)) console.error(problem);
if (problems.length > 0) {
  console.error(`${problems.length} problems (seed ${values.seed})`);
  process.exitCode = 1;
} else if (!values.json) console.log('Nothing was lost, came twice or out of order.');

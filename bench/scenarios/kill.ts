/** Kills the node under load, starts it again, and counts: nothing acknowledged is lost, nothing arrives twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { FlowState } from '../generator/commands.ts';
import type { Scenario } from '../scenario.ts';

const ACKNOWLEDGED_MIN = 20_000;
const POLL_MS = 20;
const COMPLETE_TIMEOUT_MS = 30_000;

type Inboxes = Readonly<Record<string, readonly number[]>>;

async function flowsOf(bench: Bench): Promise<readonly FlowState[]> {
  return (await bench.each('flows')).flat();
}

const storedIn = (flows: readonly FlowState[]): number =>
  flows.reduce((sum, { stored }) => sum + stored, 0);

/** Everything the recipients have, by user. */
async function readInboxes(bench: Bench): Promise<Inboxes> {
  const users = (index: number): readonly string[] => bench.usersOf(index, 'second');
  return Object.assign(
    {},
    ...(await bench.each('drain', (index) => [users(index), true])),
  ) as Inboxes;
}

/** Sends under load until enough is acknowledged, then kills; answers what was acknowledged. */
async function killUnderLoad(bench: Bench, acknowledged: number): Promise<readonly FlowState[]> {
  await bench.each('saturate', () => [{ window: bench.options.window }]);
  while (storedIn(await flowsOf(bench)) < acknowledged) await sleep(POLL_MS);
  await bench.world.cluster.kill(0, 'SIGKILL');
  await bench.each('stop');
  const flows = await flowsOf(bench);
  await bench.each('drop');
  await bench.world.cluster.restart(0);
  return flows;
}

function countLost(flows: readonly FlowState[], inboxes: Inboxes): number {
  let lost = 0;
  for (const { to, stored } of flows) {
    const got = new Set(inboxes[to]);
    for (let counter = 1; counter <= stored; counter += 1) if (!got.has(counter)) lost += 1;
  }
  return lost;
}

function countDoubled(inboxes: Inboxes): number {
  return Object.values(inboxes).reduce(
    (sum, counters) => sum + counters.length - new Set(counters).size,
    0,
  );
}

function countDisordered(inboxes: Inboxes): number {
  return Object.values(inboxes).reduce(
    (sum, counters) => sum + counters.filter((counter, index) => counter !== index + 1).length,
    0,
  );
}

/** What was not answered is sent again with the same counters, up to the same number in every flow. */
async function sendTheRest(bench: Bench, flows: readonly FlowState[]): Promise<Inboxes> {
  const max = Math.max(...flows.map(({ sent }) => sent));
  await bench.each('attach', (index) => [bench.usersOf(index, 'first')]);
  await bench.each('plan', (index) => [bench.flowsOf(index, false)]);
  await bench.each('saturate', () => [{ window: bench.options.window, max }]);
  await bench.each('settle');
  await bench.each('stop');
  const deadline = performance.now() + COMPLETE_TIMEOUT_MS;
  for (;;) {
    const inboxes = await readInboxes(bench);
    const isComplete = Object.values(inboxes).every((counters) => counters.length >= max);
    if (isComplete || performance.now() > deadline) return inboxes;
    await sleep(POLL_MS);
  }
}

interface Counts {
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly missing: number;
}

async function round(bench: Bench, acknowledged: number): Promise<Counts> {
  const flows = await killUnderLoad(bench, acknowledged);
  await bench.each('attach', (index) => [bench.usersOf(index, 'second')]);
  const lost = countLost(flows, await readInboxes(bench));
  const inboxes = await sendTheRest(bench, flows);
  const max = Math.max(...flows.map(({ sent }) => sent));
  const missing = Object.values(inboxes).reduce(
    (sum, counters) => sum + Math.max(0, max - counters.length),
    0,
  );
  return {
    acknowledged: storedIn(flows),
    lost,
    doubled: countDoubled(inboxes),
    disordered: countDisordered(inboxes),
    missing,
  };
}

export const kill: Scenario = {
  name: 'kill',
  summary:
    'kill -9 under load after 20,000 acknowledged messages, restart, drain: nothing lost, nothing twice',
  defaults: { users: 200, window: 64, repeat: 1 },
  targets: {
    lost: { atMost: 0 },
    doubled: { atMost: 0 },
    disordered: { atMost: 0 },
    missing: { atMost: 0 },
  },
  async run(bench) {
    await bench.each('attach', (index) => [bench.usersOf(index, 'first')]);
    await bench.each('plan', (index) => [bench.flowsOf(index, false)]);
    const counts = await round(bench, ACKNOWLEDGED_MIN);
    return { figures: { ...counts } };
  },
};

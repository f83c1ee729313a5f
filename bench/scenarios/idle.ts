/** What an attached session that says nothing costs in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import type { Scenario } from '../scenario.ts';

/** For the garbage of the logins. */
const SETTLE_MS = 15_000;
/**
 * Logins and farewells before anything is measured: they grow V8's young generation and compile what logins need, which a
 * node has once, not for each session.
 */
const WARM_UP_MS = 8000;
const WARM_UP_SLOTS = 16;
/** Few: their actors stay in memory and are no part of what is measured. */
const WARM_UP_USERS = 50;
const KIB = 1024;

async function warmUp(bench: Bench): Promise<void> {
  const how = { slots: WARM_UP_SLOTS, by: 'device', resume: false } as const;
  await bench.each('login', (index) => [
    { users: bench.usersOf(index).slice(0, WARM_UP_USERS), ...how },
  ]);
  await sleep(WARM_UP_MS);
  await bench.each('stop');
  await sleep(WARM_UP_MS);
}

export const idle: Scenario = {
  name: 'idle',
  summary:
    'attached sessions that say nothing: resident memory of a node in use over what it had before, per session',
  defaults: { users: 5000, collects: true },
  targets: { kibPerSession: { atMost: 50 } },
  async run(bench) {
    await warmUp(bench);
    await bench.collectGarbage();
    const before = bench.serverMemory();
    await bench.each('attach', (index) => [bench.usersOf(index)]);
    const peak = bench.serverMemory();
    await sleep(SETTLE_MS);
    await bench.collectGarbage();
    const after = bench.serverMemory();
    const { users } = bench.options;
    const figures = {
      kibPerSession: (after.rss - before.rss) / KIB / users,
      ownKibPerSession: (after.ownBytes - before.ownBytes) / KIB / users,
      kibPerSessionAfterLogins: (peak.rss - before.rss) / KIB / users,
      serverMiB: after.rss / KIB / KIB,
    };
    return { figures };
  },
};

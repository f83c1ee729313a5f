/** What an attached session that says nothing costs in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';

/** For the garbage of the logins. */
const SETTLE_MS = 15_000;
const KIB = 1024;

export const idle: Scenario = {
  name: 'idle',
  summary:
    'attached sessions that say nothing: resident memory of the node over what it had before, per session',
  defaults: { users: 5000 },
  targets: { kibPerSession: { atMost: 50 } },
  async run(bench) {
    const before = bench.serverMemory();
    await bench.each('attach', (index) => [bench.usersOf(index)]);
    const peak = bench.serverMemory();
    await sleep(SETTLE_MS);
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

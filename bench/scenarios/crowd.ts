/** Honest clients beside a crowd that holds connections and never logs in. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Measured } from '../bench.ts';
import type { CrowdSize } from '../generator/crowd.ts';
import { busyDoubt } from '../scenario.ts';
import type { Figures, Scenario } from '../scenario.ts';

/** Within what one address may hold, and at what a gate holds in all. */
const CROWD: CrowdSize = { connections: 1000, sources: 5 };
const WARM_UP_MS = 2000;
/** For the crowd to be there, and once to be thrown out and to come again. */
const GATHER_MS = 8000;
const MIB = 2 ** 20;
/** The honest are the first load generator's, the crowd is the second one's. */
const HONEST = 0;

/** Messages at a rate between those who are there, and one login after the other. */
async function honest(bench: Bench): Promise<Measured> {
  const users = bench.usersOf(HONEST, 'second');
  const how = { users, slots: 1, by: 'device', resume: false } as const;
  await bench.of(HONEST, 'login', how);
  await bench.of(HONEST, 'pace', bench.options.rate);
  await sleep(WARM_UP_MS);
  const measured = await bench.measure();
  await bench.of(HONEST, 'stop');
  await sleep(WARM_UP_MS);
  return measured;
}

function figuresOf(measured: Measured, prefix: string): Figures {
  const { loginMs, logins, refusals, seconds, server, storedMs } = measured;
  const refused = Object.values(refusals).reduce((sum, count) => sum + count, 0);
  return {
    [`${prefix}LoginsPerSecond`]: logins / seconds,
    [`${prefix}LoginsRefused`]: refused,
    [`${prefix}LoginP50Ms`]: loginMs.quantile(0.5),
    [`${prefix}LoginP99Ms`]: loginMs.quantile(0.99),
    [`${prefix}StoredP99Ms`]: storedMs.quantile(0.99),
    [`${prefix}ServerPercent`]: (server.cpuMs / seconds / 1000) * 100,
  };
}

export const crowd: Scenario = {
  name: 'crowd',
  summary: `honest clients alone, then beside ${CROWD.connections} connections that never log in and come again when thrown out`,
  defaults: { users: 40, generators: 2, rate: 100 },
  targets: { crowdedLoginsRefused: { atMost: 0 } },
  async run(bench) {
    await bench.of(HONEST, 'attach', bench.usersOf(HONEST, 'first'));
    await bench.of(HONEST, 'plan', bench.flowsOf(HONEST, false));
    const alone = await honest(bench);
    const before = bench.serverMemory().rss;
    await bench.of(1, 'crowd', CROWD);
    await sleep(GATHER_MS);
    const crowded = await honest(bench);
    const memoryMiB = (bench.serverMemory().rss - before) / MIB;
    const dials = await bench.of(1, 'disperse');
    const figures = {
      ...figuresOf(alone, 'alone'),
      ...figuresOf(crowded, 'crowded'),
      crowdDials: dials,
      crowdMiB: memoryMiB,
      generatorPercent: crowded.generator.share * 100,
    };
    return { figures, doubt: busyDoubt(alone) ?? busyDoubt(crowded) };
  },
};

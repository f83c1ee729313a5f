/** Logins: with the password, and with the device's key on a full or a resumed handshake. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Measured } from '../bench.ts';
import { latencyFigures, saturationDoubt } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const WARM_UP_MS = 2000;
const SLOTS = 16;

interface How {
  readonly by: 'password' | 'device';
  readonly resume: boolean;
}

async function loginFor(bench: Bench, how: How): Promise<Measured> {
  const load = (
    index: number,
  ): How & { readonly users: readonly string[]; readonly slots: number } => ({
    users: bench.usersOf(index),
    slots: SLOTS,
    ...how,
  });
  await bench.each('login', (index) => [load(index)]);
  await sleep(WARM_UP_MS);
  const measured = await bench.measure();
  await bench.each('stop');
  await sleep(WARM_UP_MS);
  return measured;
}

const cpuMsOf = ({ server, logins }: Measured): number => server.cpuMs / logins;

export const login: Scenario = {
  name: 'login',
  summary:
    'logins with the password (OPAQUE), each on a new link; clients stretch weakly, which the node does not notice',
  defaults: { users: 200, generators: 2 },
  targets: { serverCpuMs: { atMost: 3.5 } },
  async run(bench) {
    const measured = await loginFor(bench, { by: 'password', resume: false });
    const figures = {
      serverCpuMs: cpuMsOf(measured),
      loginsPerSecond: measured.logins / measured.seconds,
      ...latencyFigures('login', measured.loginMs),
      serverMainPercent: measured.server.mainShare * 100,
      generatorPercent: measured.generator.share * 100,
    };
    return { figures, doubt: saturationDoubt(measured) };
  },
};

export const reconnect: Scenario = {
  name: 'reconnect',
  summary: 'logins with the key of the device: full handshakes, then resumed ones',
  defaults: { users: 200, generators: 2 },
  targets: { serverCpuMs: { atMost: 1.2 }, resumedServerCpuMs: { atMost: 0.7 } },
  async run(bench) {
    const full = await loginFor(bench, { by: 'device', resume: false });
    const resumed = await loginFor(bench, { by: 'device', resume: true });
    if (resumed.resumed < resumed.logins * 0.9)
      throw new Error(`only ${resumed.resumed} of ${resumed.logins} handshakes were resumed`);
    const figures = {
      serverCpuMs: cpuMsOf(full),
      resumedServerCpuMs: cpuMsOf(resumed),
      loginsPerSecond: full.logins / full.seconds,
      resumedLoginsPerSecond: resumed.logins / resumed.seconds,
      ...latencyFigures('login', full.loginMs),
      ...latencyFigures('resumedLogin', resumed.loginMs),
      serverMainPercent: full.server.mainShare * 100,
      generatorPercent: Math.max(full.generator.share, resumed.generator.share) * 100,
    };
    return { figures, doubt: saturationDoubt(full) ?? saturationDoubt(resumed) };
  },
};

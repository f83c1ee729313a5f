import { createNactHost } from '../../src/actors/runtime/nact-host.ts';
import { createVirtualHost } from '../../src/actors/runtime/virtual-host.ts';
import { silentLog } from '../../src/ops/log.ts';
import { seededRandom } from '../../src/ops/random.ts';
import { VirtualClock } from '../../src/ops/virtual-clock.ts';
import { actorHostContract } from './actor-host.contract.ts';

/** nact runs on the real event loop whatever the clock says: enough turns for any exchange in the suite. */
async function turnTheLoop(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

actorHostContract('nact', () => {
  const clock = new VirtualClock();
  return {
    host: createNactHost({ clock, log: silentLog }),
    settle: turnTheLoop,
    advance: async (ms) => {
      await turnTheLoop();
      await clock.advance(ms);
      await turnTheLoop();
    },
  };
});

for (const seed of [1, 2, 3])
  actorHostContract(`virtual, seed ${seed}`, () => {
    const clock = new VirtualClock({ seed });
    return {
      host: createVirtualHost({ clock, log: silentLog, random: seededRandom(seed) }),
      settle: () => clock.advance(0),
      advance: (ms) => clock.advance(ms),
    };
  });

/** Messages between users who are online: as many as possible, and at a rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import {
  latencyFigures,
  idleNote,
  loadFigures,
  rateDoubt,
  saturationDoubt,
  sharingFigures,
} from '../scenario.ts';
import type { Figures, Scenario } from '../scenario.ts';
import type { Measured } from '../bench.ts';

const WARM_UP_MS = 3000;
const WARM_UP_WINDOW = 8;

async function connectPairs(bench: Bench): Promise<void> {
  await bench.each('attach', (index) => [bench.usersOf(index)]);
  await bench.each('plan', (index) => [bench.flowsOf(index, true)]);
}

function figuresOf(measured: Measured): Figures {
  const { delivered, seconds, server } = measured;
  return {
    messagesPerSecond: delivered / seconds,
    serverCpuUs: (server.cpuMs * 1000) / delivered,
    ...latencyFigures('stored', measured.storedMs),
    ...latencyFigures('pushed', measured.pushedMs),
    headPushes: measured.heads,
    ...sharingFigures(measured, delivered),
    ...loadFigures(measured, delivered),
  };
}

export const direct: Scenario = {
  name: 'direct',
  summary: 'online pairs, both ways, a window of messages each: throughput and CPU',
  defaults: { window: 8 },
  targets: { messagesPerSecond: { atLeast: 20_000 }, serverCpuUs: { atMost: 50 } },
  async run(bench) {
    await connectPairs(bench);
    await bench.each('saturate', () => [{ window: bench.options.window }]);
    await sleep(WARM_UP_MS);
    const measured = await bench.measure();
    await bench.each('stop');
    return {
      figures: figuresOf(measured),
      doubt: saturationDoubt(measured),
      note: idleNote(measured),
    };
  },
};

/**
 * As many messages as possible for a while: at a rate of its own, V8 would need minutes to see enough of them to compile
 * what they run through, above all where several nodes share the rate.
 */
async function warmUp(bench: Bench): Promise<void> {
  await bench.each('saturate', () => [{ window: WARM_UP_WINDOW }]);
  await sleep(bench.options.warmUp * 1000);
  await bench.each('saturate', () => [{ window: 0 }]);
  await bench.each('settle');
}

export const directRate: Scenario = {
  name: 'direct-rate',
  summary: 'online pairs at a fixed rate: latency',
  defaults: { rate: 2000 },
  targets: { storedP99Ms: { atMost: 5 }, pushedP99Ms: { atMost: 5 } },
  async run(bench) {
    const { rate, generators } = bench.options;
    await connectPairs(bench);
    await warmUp(bench);
    await bench.each('pace', () => [rate / generators]);
    await sleep(WARM_UP_MS);
    const measured = await bench.measure();
    await bench.each('stop');
    return { figures: figuresOf(measured), doubt: rateDoubt(measured, rate) };
  },
};

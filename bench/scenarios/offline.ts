/** Messages for users who are away: storing them, and handing them over later. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Measured } from '../bench.ts';
import {
  latencyFigures,
  idleNote,
  loadFigures,
  saturationDoubt,
  sharingFigures,
} from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

/** Enough for seconds of draining. */
const DRAINED_PER_USER = 400;

async function planOffline(bench: Bench): Promise<void> {
  await bench.each('attach', (index) => [bench.usersOf(index, 'first')]);
  await bench.each('plan', (index) => [bench.flowsOf(index, false)]);
}

export const offlineStore: Scenario = {
  name: 'offline-store',
  summary: 'half of the users send to the other half, who are away: every answer is flushed',
  defaults: { window: 16 },
  targets: {
    messagesPerSecond: { atLeast: 15_000 },
    serverCpuUs: { atMost: 40 },
    /** Three nodes against one. */
    cpuRatio: { atMost: 2.2 },
  },
  async run(bench) {
    await planOffline(bench);
    await bench.each('saturate', () => [{ window: bench.options.window }]);
    await sleep(bench.options.warmUp * 1000);
    const measured = await bench.measure();
    await bench.each('stop');
    const { stored, seconds, server } = measured;
    const figures = {
      messagesPerSecond: stored / seconds,
      serverCpuUs: (server.cpuMs * 1000) / stored,
      ...latencyFigures('stored', measured.storedMs),
      ...sharingFigures(measured, stored),
      ...loadFigures(measured, stored),
    };
    return { figures, doubt: saturationDoubt(measured), note: idleNote(measured) };
  },
};

async function fill(bench: Bench): Promise<void> {
  await planOffline(bench);
  await bench.each('saturate', () => [{ window: bench.options.window, max: DRAINED_PER_USER }]);
  await bench.each('settle');
  await bench.each('drop');
}

function checkComplete(measured: Measured, expected: number): void {
  if (measured.delivered === expected) return;
  throw new Error(`drained ${measured.delivered} of ${expected} messages`);
}

export const drain: Scenario = {
  name: 'drain',
  summary: 'users come back and pull what waited, all at once',
  defaults: { window: 16 },
  targets: { messagesPerSecond: { atLeast: 40_000 }, serverCpuUs: { atMost: 15 } },
  async run(bench) {
    await fill(bench);
    await bench.each('attach', (index) => [bench.usersOf(index, 'second')]);
    const users = (index: number): readonly string[] => bench.usersOf(index, 'second');
    const measured = await bench.measure(() =>
      bench.each('drain', (index) => [users(index), false]),
    );
    const { delivered, seconds, server } = measured;
    checkComplete(measured, DRAINED_PER_USER * Math.floor(bench.options.users / 2));
    const figures = {
      messagesPerSecond: delivered / seconds,
      serverCpuUs: (server.cpuMs * 1000) / delivered,
      messages: delivered,
      ...loadFigures(measured, delivered),
    };
    return { figures, doubt: saturationDoubt(measured), note: idleNote(measured) };
  },
};

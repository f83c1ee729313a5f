/** One seed of one kind of world, as it goes to a process and comes back. */
import { plantedWorld, usualWorld } from './mixes.ts';
import { simulate } from './world.ts';
import type { SimResult } from './sim-options.ts';

export interface SeedTask {
  readonly seed: number;
  /** Missing: the usual world. */
  readonly bug?: string;
  /** The world of the bug without the bug. */
  readonly isHealthy?: boolean;
}

export interface SeedReport {
  readonly task: SeedTask;
  readonly violations: readonly string[];
  readonly counts: SimResult['log']['counts'];
  readonly faults: Readonly<Record<string, number>>;
}

export const NO_COUNTS = { sent: 0, acknowledged: 0, displayed: 0 };

/** A world that throws is a violation, too; `lines` are its event log, for a replay. */
export async function runSeed(
  task: SeedTask,
): Promise<{ readonly report: SeedReport; readonly lines: readonly string[] }> {
  const { seed, bug, isHealthy = false } = task;
  const options = bug === undefined ? usualWorld(seed) : plantedWorld(bug, seed, isHealthy);
  try {
    const { violations, log, faults } = await simulate(options);
    return { report: { task, violations, counts: log.counts, faults }, lines: log.lines };
  } catch (cause) {
    const violations = [cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)];
    return { report: { task, violations, counts: NO_COUNTS, faults: {} }, lines: [] };
  }
}

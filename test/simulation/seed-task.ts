/** One seed of one kind of world, as it goes to a process and comes back. */
import { groupWorld, plantedWorld, usualWorld } from './mixes.ts';
import { simulate } from './world.ts';
import type { SimOptions, SimResult } from './sim-options.ts';

export interface SeedTask {
  readonly seed: number;
  /** All worlds have groups. */
  readonly hasGroups?: boolean;
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

function worldOf({ seed, bug, isHealthy = false, hasGroups = false }: SeedTask): SimOptions {
  if (bug !== undefined) return plantedWorld(bug, seed, isHealthy);
  return hasGroups ? groupWorld(seed) : usualWorld(seed);
}

/** A world that throws is a violation, too; `lines` are its event log, for a replay. */
export async function runSeed(
  task: SeedTask,
): Promise<{ readonly report: SeedReport; readonly lines: readonly string[] }> {
  const options = worldOf(task);
  try {
    const { violations, log, faults } = await simulate(options);
    return { report: { task, violations, counts: log.counts, faults }, lines: log.lines };
  } catch (cause) {
    const violations = [cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)];
    return { report: { task, violations, counts: NO_COUNTS, faults: {} }, lines: [] };
  }
}

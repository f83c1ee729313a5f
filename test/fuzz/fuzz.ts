/** Runs mutated frames against every target; one seed repeats a run. */
import fc from 'fast-check';
import { performance } from 'node:perf_hooks';
import { seededRandom } from '../../src/ops/random.ts';
import { mutation } from './mutators.ts';
import { targetsOf } from './targets.ts';
import { FuzzWorld } from './world.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly frames: number;
  /** Told now and then. */
  readonly onProgress?: (progress: FuzzProgress) => void;
}

export interface FuzzProgress {
  readonly fed: number;
  readonly heapBytes: number;
  readonly exchanged: number;
}

export interface FuzzResult extends FuzzProgress {
  readonly byTarget: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Of processor time: what the rate is on a machine with nothing else to do. */
  readonly busySeconds: number;
  /** Empty: nothing was found. */
  readonly findings: readonly string[];
}

/** Frames of one round at one target. */
const ROUND = 64;
/** What honest traffic, retained mail and the heap's own slack may take; a leak of 200 bytes a frame is more in a million. */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;
const PROGRESS_ROUNDS = 500;

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Unhandled rejections and exceptions of the whole process while `work` runs. */
async function watched(work: () => Promise<void>, findings: string[]): Promise<void> {
  const onStray = (cause: unknown): void => {
    findings.push(
      `unhandled: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
    );
  };
  process.on('unhandledRejection', onStray);
  try {
    await work();
  } catch (cause) {
    onStray(cause);
  } finally {
    process.off('unhandledRejection', onStray);
  }
}

export async function fuzz({ seed, frames, onProgress }: FuzzOptions): Promise<FuzzResult> {
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const world = await FuzzWorld.start(seed);
  const random = seededRandom(seed);
  const drawn = (count: number): number => Math.floor(random.fraction() * count);
  const targets = targetsOf(world);
  const byTarget: Record<string, number> = {};
  const findings: string[] = [];
  const heapBefore = heapBytes();
  let fed = 0;
  const progress = (): FuzzProgress => ({
    fed,
    heapBytes: heapBytes(),
    exchanged: world.exchanged,
  });
  await watched(async () => {
    for (let round = 0; fed < frames; round += 1) {
      const mutations = fc.sample(mutation, { numRuns: ROUND, seed: seed + round });
      // The target that is furthest behind its share.
      const [target] = [...targets].sort(
        (left, right) =>
          (byTarget[left.name] ?? 0) / left.share - (byTarget[right.name] ?? 0) / right.share,
      );
      if (target === undefined) return;
      await target.feed(mutations, drawn);
      fed += mutations.length;
      byTarget[target.name] = (byTarget[target.name] ?? 0) + mutations.length;
      if (round % PROGRESS_ROUNDS === 0) onProgress?.(progress());
    }
    findings.push(...(await world.verdict()));
  }, findings);
  const end = progress();
  if (globalThis.gc !== undefined && end.heapBytes - heapBefore > GROWTH_BYTES_MAX)
    findings.push(`the heap grew by ${Math.round((end.heapBytes - heapBefore) / 2 ** 20)} MiB`);
  const { user, system } = process.cpuUsage(startedCpu);
  return {
    ...end,
    byTarget,
    findings,
    seconds: (performance.now() - startedMs) / 1000,
    busySeconds: (user + system) / 1_000_000,
  };
}

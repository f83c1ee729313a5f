/** What a scenario is, and the figures that all of them report in the same way. */
import type { Bench, BenchOptions, Measured } from './bench.ts';

export type Figures = Readonly<Record<string, number>>;

export interface Target {
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  readonly defaults: Partial<BenchOptions>;
  /** For two cores, by figure. */
  readonly targets: Readonly<Record<string, Target>>;
  /** Throws when something is wrong that no figure shows. */
  run(bench: Bench): Promise<Outcome>;
}

export interface Outcome {
  readonly figures: Figures;
  /** Why the figures say nothing about the node; undefined when they do. */
  readonly doubt?: string | undefined;
  /** What to know when reading them. */
  readonly note?: string | undefined;
}

/** Above it a generator cannot be told from a slow server. */
const GENERATOR_SHARE_MAX = 0.85;
/** Below it the server had time that nobody used. */
const SERVER_SHARE_BUSY = 0.9;
const RATE_REACHED_MIN = 0.98;
const MS_PER_SECOND = 1000;

/** What the load itself cost, for every scenario. */
export function loadFigures({ generator, server }: Measured, units: number): Figures {
  return {
    serverMainPercent: server.mainShare * 100,
    generatorPercent: generator.share * 100,
    generatorUs: (generator.cpuMs * MS_PER_SECOND) / units,
  };
}

/** How well messages share what they cost: summed over all nodes, by their metrics. */
export function sharingFigures({ counted }: Measured, units: number): Figures {
  const of = (name: string): number => (counted.get(`fastchat_${name}`) ?? 0) / units;
  return {
    commitsPerMessage: of('store_commits_total'),
    flushesPerMessage: of('store_flush_seconds_count'),
    flushMs: (of('store_flush_seconds_sum') / of('store_flush_seconds_count')) * MS_PER_SECOND,
    meshFramesPerMessage: of('mesh_frames_total{dir="out"}'),
  };
}

export function latencyFigures(name: string, histogram: Measured['storedMs']): Figures {
  return {
    [`${name}P50Ms`]: histogram.quantile(0.5),
    [`${name}P99Ms`]: histogram.quantile(0.99),
    [`${name}P999Ms`]: histogram.quantile(0.999),
  };
}

/** For load without a rate: a generator that was the bottleneck. */
export function saturationDoubt({ generator, server, refusals }: Measured): string | undefined {
  const codes = Object.entries(refusals).map(([code, count]) => `${count} ${code}`);
  if (codes.length > 0) return `the node refused: ${codes.join(', ')}`;
  if (generator.share <= GENERATOR_SHARE_MAX || server.mainShare >= SERVER_SHARE_BUSY)
    return undefined;
  return `the load generator was the bottleneck (${percent(generator.share)} of a core, the server ${percent(server.mainShare)})`;
}

/** For load without a rate: neither side was busy, so throughput shows what else the machine did, or the disk. */
export function idleNote({ generator, server }: Measured): string | undefined {
  if (server.mainShare >= SERVER_SHARE_BUSY || generator.share > GENERATOR_SHARE_MAX)
    return undefined;
  return `the main thread of the node ran for ${percent(server.mainShare)} of the time: throughput was bound by other work on this machine, or by the disk`;
}

/** For load at a rate: a generator that did not keep it. */
export function rateDoubt(measured: Measured, rate: number): string | undefined {
  const reached = measured.stored / measured.seconds / rate;
  if (reached < RATE_REACHED_MIN) return `only ${percent(reached)} of the rate was stored`;
  return busyDoubt(measured);
}

/** For times taken in a generator. */
export function busyDoubt({ generator }: Measured): string | undefined {
  return generator.share > GENERATOR_SHARE_MAX
    ? `the load generator was too busy to measure time (${percent(generator.share)} of a core)`
    : undefined;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

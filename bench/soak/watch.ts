/** Looks at a node from outside, now and again: memory, files, how late its event loop is. */
import { readdirSync } from 'node:fs';
import type { NodeProcess } from '../../src/node/node-process.ts';
import { usageOf } from '../process-usage.ts';
import { trendOf } from './trend.ts';
import type { Sample } from './trend.ts';

export interface Look {
  readonly seconds: number;
  /** Used by JavaScript right after a collection of all garbage. */
  readonly heapBytes: number;
  /** Resident, without the pages of files. */
  readonly ownBytes: number;
  readonly files: number;
  readonly lagMs: number;
}

type Figure = Exclude<keyof Look, 'seconds'>;

export interface Bound {
  readonly what: string;
  readonly figure: Figure;
  /** What may be gained over the whole run: this share of the mean, and anyway so much. */
  readonly share: number;
  readonly atLeast: number;
  readonly unit: number;
  readonly unitName: string;
}

const MIB = 2 ** 20;
const MS_PER_SECOND = 1000;
/** For the collection and for the sample of lag after it. */
const COLLECT_MS = 1000;

/**
 * What grows with every login, message or connection is a leak; what a day's accounts take is not. Memory that the
 * allocator holds back varies more than what is used.
 */
export const BOUNDS: readonly Bound[] = [
  {
    what: 'heap after a full collection',
    figure: 'heapBytes',
    share: 0.1,
    atLeast: 3 * MIB,
    unit: MIB,
    unitName: 'MiB',
  },
  {
    what: 'own resident memory',
    figure: 'ownBytes',
    share: 0.15,
    atLeast: 16 * MIB,
    unit: MIB,
    unitName: 'MiB',
  },
  {
    what: 'open files and sockets',
    figure: 'files',
    share: 0.1,
    atLeast: 10,
    unit: 1,
    unitName: '',
  },
];

export function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function figuresOf({ ready }: NodeProcess): Promise<(name: string) => number> {
  const response = await fetch(new URL('/metrics', ready.http));
  const text = await response.text();
  return (name) => Number(new RegExp(String.raw`^\w*${name} (\S+)$`, 'm').exec(text)?.[1] ?? NaN);
}

export async function lookAt(node: NodeProcess, seconds: number): Promise<Look> {
  node.kill('SIGUSR2');
  await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
  const figure = await figuresOf(node);
  return {
    seconds,
    heapBytes: figure('nodejs_heap_size_used_bytes'),
    ownBytes: usageOf(node.pid).ownBytes,
    files: filesOf(node.pid),
    lagMs: figure('event_loop_lag_seconds') * MS_PER_SECOND,
  };
}

export interface Judgement {
  readonly isWithin: boolean;
  readonly text: string;
}

/** Whether a figure stayed flat over these looks. */
export function judge(looks: readonly Look[], bound: Bound): Judgement {
  const samples = looks.map((look): Sample => ({
    seconds: look.seconds,
    value: look[bound.figure],
  }));
  const { mean, growth } = trendOf(samples);
  const allowed = Math.max(bound.atLeast, bound.share * mean);
  const shown = (value: number): string =>
    `${(value / bound.unit).toFixed(1)} ${bound.unitName}`.trim();
  const verdict = growth <= allowed ? 'flat' : 'GROWS';
  return {
    isWithin: growth <= allowed,
    text: `${bound.what}: ${verdict}, mean ${shown(mean)}, gains ${shown(growth)} (allowed ${shown(allowed)})`,
  };
}

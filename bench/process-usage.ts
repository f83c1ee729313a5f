/** What processes have used, from /proc: CPU of all their threads, CPU of the main thread alone, memory. Linux only. */
import { readFileSync } from 'node:fs';

const MS_PER_TICK = 10;
const KIB = 1024;
const UTIME_FIELD = 11;

export interface Usage {
  /** User and system time of all threads, milliseconds; the resolution is 10 ms. */
  readonly cpuMs: number;
  /** The same of the thread that runs JavaScript: what bounds a node, as it cannot use a second core. */
  readonly mainMs: number;
  /** Resident memory in bytes. */
  readonly rss: number;
  /** The part of it that is the process's own: without the pages of files, which the kernel may drop at any time. */
  readonly ownBytes: number;
}

function cpuMsOf(path: string): number {
  const stat = readFileSync(path, 'utf8');
  // The second field is the name, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME_FIELD]) + Number(fields[UTIME_FIELD + 1])) * MS_PER_TICK;
}

export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytesOf = (name: string): number =>
    Number(new RegExp(String.raw`^${name}:\s+(\d+)`, 'm').exec(status)?.[1] ?? 0) * KIB;
  return {
    cpuMs: cpuMsOf(`/proc/${pid}/stat`),
    mainMs: cpuMsOf(`/proc/${pid}/task/${pid}/stat`),
    rss: bytesOf('VmRSS'),
    ownBytes: bytesOf('RssAnon'),
  };
}

/** The sum over all; `mainMs` is that of the busiest. */
export function sumUsage(usages: readonly Usage[]): Usage {
  return {
    cpuMs: usages.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
    mainMs: Math.max(0, ...usages.map(({ mainMs }) => mainMs)),
    rss: usages.reduce((sum, { rss }) => sum + rss, 0),
    ownBytes: usages.reduce((sum, { ownBytes }) => sum + ownBytes, 0),
  };
}

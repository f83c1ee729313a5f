/**
 * `npm run sim -- --seeds 1000 [--from 1] [--jobs 2]`: many seeds; each that fails is shown, exit 1 when any does.
 * FASTCHAT_SEED=n replays one and prints everything that happened.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { simulate } from './world.ts';
import type { SimOptions } from './world.ts';

/** Small worlds meet as many faults in a fifth of the time; a few large ones have the crowds. */
const LARGE_EVERY = 50;
const PROGRESS_SEEDS = 100;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
  },
});

function worldOf(seed: number): SimOptions {
  return seed % LARGE_EVERY === 0
    ? { seed, users: 100, messagesPerUser: 6, shards: 16 }
    : { seed, users: 12, messagesPerUser: 10, shards: 4 };
}

function show(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function runSeeds(from: number, count: number, isReplay: boolean): Promise<boolean> {
  const totals = { sent: 0, acknowledged: 0, displayed: 0, faults: 0, failed: 0 };
  for (let seed = from; seed < from + count; seed += 1) {
    const { violations, log, faults } = await simulate(worldOf(seed));
    totals.sent += log.counts.sent;
    totals.acknowledged += log.counts.acknowledged;
    totals.displayed += log.counts.displayed;
    totals.faults += faults;
    if (isReplay) show(log.lines.join('\n'));
    if ((seed - from + 1) % PROGRESS_SEEDS === 0) show(`... up to seed ${seed}`);
    if (violations.length === 0) continue;
    totals.failed += 1;
    show(`seed ${seed}: ${violations.length} violations`);
    for (const violation of violations.slice(0, 5)) show(`  ${violation}`);
  }
  show(
    `${count} seeds from ${from}, ${totals.failed} failed; ${totals.sent} sent, ` +
      `${totals.acknowledged} acknowledged, ${totals.displayed} displayed, ${totals.faults} faults; ` +
      'FASTCHAT_SEED=n npm run sim replays one',
  );
  return totals.failed === 0;
}

/** Each job is a process with its own range of seeds. */
async function runJobs(from: number, count: number, jobs: number): Promise<boolean> {
  const share = Math.ceil(count / jobs);
  const children = Array.from({ length: jobs }, (_, index) => {
    const first = from + index * share;
    const seeds = Math.max(0, Math.min(share, from + count - first));
    return fork(import.meta.filename, ['--seeds', String(seeds), '--from', String(first)]);
  });
  const codes = await Promise.all(children.map((child) => once(child, 'exit')));
  return codes.every(([code]) => code === 0);
}

const fixed = process.env['FASTCHAT_SEED'];
const from = Number(fixed ?? values.from);
const count = fixed === undefined ? Number(values.seeds) : 1;
const jobs = Math.min(Number(values.jobs), count);
const isClean =
  jobs > 1 ? await runJobs(from, count, jobs) : await runSeeds(from, count, fixed !== undefined);
process.exitCode = isClean ? 0 : 1;

/**
 * `npm run sim -- --seeds 1000 [--from 1] [--jobs 2]`: many seeds; each that fails is shown at once, exit 1 when any does.
 * `--bug NAME` (or `all`) plants a mistake and looks for the first seed that shows it, exit 1 when none does.
 * `--groups`: every world has groups, not only every fourth.
 * FASTCHAT_SEED=n replays one seed and prints everything that happened. An interrupted run tells what it has found.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { PLANTED } from './mixes.ts';
import { SeedPool } from './seed-pool.ts';
import { runSeed } from './seed-task.ts';
import type { SeedReport, SeedTask } from './seed-task.ts';
import { Totals, violationLines } from './totals.ts';

const PROGRESS_SEEDS = 100;
const INTERRUPTED = 130;

interface Range {
  readonly from: number;
  readonly count: number;
  readonly jobs: number;
}

function show(text: string): void {
  process.stdout.write(`${text}\n`);
}

function* seedsOf({ from, count }: Range, kind: Omit<SeedTask, 'seed'> = {}): Iterable<SeedTask> {
  for (let seed = from; seed < from + count; seed += 1) yield { ...kind, seed };
}

const running = new Set<SeedPool>();

/** Stops with the first interrupt; a second one ends the process. */
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    process.exitCode = INTERRUPTED;
    for (const pool of running) pool.stop();
  });

async function runPool(pool: SeedPool, jobs: number): Promise<void> {
  running.add(pool);
  await pool.run(jobs);
  running.delete(pool);
}

async function runAll(range: Range, hasGroups: boolean): Promise<void> {
  const totals = new Totals();
  const pool = new SeedPool(seedsOf(range, { hasGroups }), (report) => {
    totals.add(report);
    if (report.violations.length > 0) show(violationLines(report));
    if (totals.seeds % PROGRESS_SEEDS === 0) show(`... ${totals.line}`);
  });
  await runPool(pool, range.jobs);
  show(`${totals.line}; from seed ${range.from}; FASTCHAT_SEED=n npm run sim replays one`);
  if (totals.failed.length > 0) process.exitCode = 1;
}

/** The first seed that shows a bug, checked to be clean without it. */
async function hunt(bug: string, range: Range): Promise<void> {
  const shown: SeedReport[] = [];
  const pool = new SeedPool(seedsOf(range, { bug }), (report) => {
    if (report.violations.length === 0) return;
    shown.push(report);
    pool.stop();
  });
  await runPool(pool, range.jobs);
  const [first] = shown.toSorted((left, right) => left.task.seed - right.task.seed);
  const says = PLANTED[bug]?.says ?? bug;
  if (first === undefined) {
    process.exitCode = 1;
    return show(`${bug} (${says}): not noticed in ${range.count} seeds from ${range.from}`);
  }
  const { seed } = first.task;
  const { report: healthy } = await runSeed({ seed, bug, isHealthy: true });
  show(`${bug} (${says}): noticed by seed ${seed}: ${first.violations[0]}`);
  if (healthy.violations.length === 0) return;
  process.exitCode = 1;
  show(`without the bug ${violationLines(healthy)}`);
}

async function replay(task: SeedTask): Promise<void> {
  const { report, lines } = await runSeed(task);
  const totals = new Totals();
  totals.add(report);
  show(lines.join('\n'));
  show(violationLines(report));
  show(totals.line);
  if (report.violations.length > 0) process.exitCode = 1;
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    bug: { type: 'string' },
    groups: { type: 'boolean', default: false },
  },
});
const { bug, groups: hasGroups } = values;
const fixed = process.env['FASTCHAT_SEED'];
const range = { from: Number(values.from), count: Number(values.seeds), jobs: Number(values.jobs) };
if (fixed !== undefined)
  await replay({ seed: Number(fixed), hasGroups, ...(bug !== undefined && { bug }) });
else if (bug === undefined) await runAll(range, hasGroups);
else for (const name of bug === 'all' ? Object.keys(PLANTED) : [bug]) await hunt(name, range);

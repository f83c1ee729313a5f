/**
 * `npm run bench -- NAME`: real nodes, load from other processes, the median of several runs and their spread.
 * Exit 0: measured; 1: it failed, or with `--reference` a target was missed; 2: the figures say nothing about the node.
 */
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './bench.ts';
import type { BenchOptions } from './bench.ts';
import { crowd } from './scenarios/crowd.ts';
import { direct, directRate } from './scenarios/direct.ts';
import { group, groupCatchUp } from './scenarios/group.ts';
import { idle } from './scenarios/idle.ts';
import { kill } from './scenarios/kill.ts';
import { login, reconnect } from './scenarios/logins.ts';
import { drain, offlineStore } from './scenarios/offline.ts';
import type { Outcome, Scenario, Target } from './scenario.ts';

const SCENARIOS: readonly Scenario[] = [
  direct,
  directRate,
  offlineStore,
  drain,
  login,
  reconnect,
  idle,
  crowd,
  kill,
  group,
  groupCatchUp,
];

const DEFAULTS: BenchOptions = {
  nodes: 1,
  users: 1000,
  warmUp: 10,
  seconds: 10,
  rate: 2000,
  window: 8,
  textBytes: 256,
  senders: 5,
  messages: 200,
  generators: 1,
  repeat: 3,
  profile: undefined,
  collects: false,
};

const EXIT_FAILED = 1;
const EXIT_NO_VERDICT = 2;

const number = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: number,
    users: number,
    'warm-up': number,
    seconds: number,
    rate: number,
    window: number,
    'text-bytes': number,
    /** The same as `users`, where they make a group. */
    members: number,
    senders: number,
    messages: number,
    generators: number,
    repeat: number,
    /** So many nodes carry the same load before each run: what the run's nodes cost as a multiple of it. */
    against: number,
    json: flag,
    profile: flag,
    /** Holds the figures against the targets, with the settings that those are for. */
    reference: flag,
  },
});

interface Row {
  readonly figure: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly target: Target | undefined;
}

function optionsFor(scenario: Scenario): BenchOptions {
  const base = { ...DEFAULTS, ...scenario.defaults };
  if (values.reference) return base;
  const given = (text: string | undefined, fallback: number): number =>
    text === undefined ? fallback : Number(text);
  return {
    ...base,
    nodes: given(values.nodes, base.nodes),
    users: given(values.members ?? values.users, base.users),
    warmUp: given(values['warm-up'], base.warmUp),
    seconds: given(values.seconds, base.seconds),
    rate: given(values.rate, base.rate),
    window: given(values.window, base.window),
    textBytes: given(values['text-bytes'], base.textBytes),
    senders: given(values.senders, base.senders),
    messages: given(values.messages, base.messages),
    generators: given(values.generators, base.generators),
    repeat: values.profile ? 1 : given(values.repeat, base.repeat),
    profile: values.profile ? join(tmpdir(), `fastchat-${scenario.name}`) : undefined,
  };
}

async function runOnce(scenario: Scenario, options: BenchOptions): Promise<Outcome> {
  const bench = await Bench.open(options);
  try {
    return await scenario.run(bench);
  } finally {
    await bench.end();
  }
}

/** In turn, so that both see the same machine. */
async function runAgainst(
  nodes: number,
  scenario: Scenario,
  options: BenchOptions,
): Promise<Outcome> {
  const base = await runOnce(scenario, { ...options, nodes });
  const outcome = await runOnce(scenario, options);
  const againstCpuUs = base.figures['serverCpuUs'] ?? NaN;
  const cpuRatio = (outcome.figures['serverCpuUs'] ?? NaN) / againstCpuUs;
  return { ...outcome, figures: { ...outcome.figures, againstCpuUs, cpuRatio } };
}

function rowsOf(scenario: Scenario, outcomes: readonly Outcome[]): readonly Row[] {
  return Object.keys(outcomes[0]?.figures ?? {}).map((figure) => {
    const sorted = outcomes
      .map(({ figures }) => figures[figure] ?? 0)
      .sort((left, right) => left - right);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return {
      figure,
      median,
      min: sorted[0] ?? 0,
      max: sorted.at(-1) ?? 0,
      target: scenario.targets[figure],
    };
  });
}

function isMissed({ median, target }: Row): boolean {
  return median > (target?.atMost ?? Infinity) || median < (target?.atLeast ?? -Infinity);
}

const shown = (value: number): string =>
  Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(2);

function targetText(row: Row): string {
  const { target } = row;
  if (target === undefined) return '';
  const bound =
    target.atMost === undefined ? `at least ${target.atLeast ?? 0}` : `at most ${target.atMost}`;
  return `${bound}: ${isMissed(row) ? 'missed' : 'met'}`;
}

function print(scenario: Scenario, rows: readonly Row[]): void {
  console.log(`${scenario.name}: ${scenario.summary}`);
  for (const row of rows) {
    const spread = `${shown(row.min)} to ${shown(row.max)}`;
    console.log(
      `  ${row.figure.padEnd(24)} ${shown(row.median).padStart(10)}   ${spread.padEnd(22)} ${targetText(row)}`,
    );
  }
}

/** Processes that run or want to, on average over the last minute. */
function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

const [name] = positionals;
const scenario = SCENARIOS.find((candidate) => candidate.name === name);
if (scenario === undefined) {
  console.error(
    `npm run bench -- NAME [--json] [--reference] [--profile] [--repeat 3] [--users N] [--seconds N] [--nodes N] [--against N] …\n`,
  );
  for (const { name: known, summary } of SCENARIOS)
    console.error(`  ${known.padEnd(14)} ${summary}`);
  process.exit(64);
}
const loadBefore = loadNow();
const options = optionsFor(scenario);
const outcomes: Outcome[] = [];
const against = values.against === undefined ? undefined : Number(values.against);
for (let run = 0; run < options.repeat; run += 1)
  outcomes.push(
    await (against === undefined
      ? runOnce(scenario, options)
      : runAgainst(against, scenario, options)),
  );
const rows = rowsOf(scenario, outcomes);
const doubts = outcomes.flatMap(({ doubt }) => doubt ?? []);
// What else the machine did says how far the figures can be trusted.
const machine = { cores: availableParallelism(), loadBefore, loadAfter: loadNow() };
if (values.json)
  console.log(JSON.stringify({ scenario: scenario.name, options, machine, rows, doubts }));
else {
  print(scenario, rows);
  const { cores, loadAfter } = machine;
  console.log(`  on ${cores} cores, load average ${loadBefore} before and ${loadAfter} after`);
}
for (const { note } of outcomes) if (note !== undefined) console.error(`Note: ${note}.`);
for (const doubt of doubts) console.error(`No verdict: ${doubt}.`);
if (doubts.length > 0) process.exitCode = EXIT_NO_VERDICT;
else if (values.reference && rows.some(isMissed)) process.exitCode = EXIT_FAILED;

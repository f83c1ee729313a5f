/** Results as a table for people. */
import type { Result } from './harness/run-case.ts';

export interface Skipped {
  readonly name: string;
  readonly lack: string;
}

const HEADS = [
  'case',
  'rounds',
  'sent',
  'acknowledged',
  'refused',
  'stall p50',
  'p99',
  'max',
  'silence',
  'verdict',
] as const;

/** A load process that is later than this says little about the times of nodes. */
const DOUBT_MS = 500;

function rowOf(result: Result): readonly string[] {
  const { name, rounds, counts, hurt, silenceMaxMs, violations } = result;
  const refused = Object.values(counts.refused).reduce((sum, count) => sum + count, 0);
  const times = [hurt.p50Ms, hurt.p99Ms, hurt.maxMs, silenceMaxMs];
  return [
    name,
    String(rounds),
    String(counts.sent),
    String(counts.acknowledged),
    String(refused),
    ...times.map((ms) => `${Math.round(ms)} ms`),
    violations.length === 0 ? 'held' : `FAILED (${violations.length})`,
  ];
}

/** One line a case; then what was violated and where the evidence is; then what was skipped and why. */
export function tableOf(results: readonly Result[], skipped: readonly Skipped[]): string {
  const rows = [HEADS, ...results.map(rowOf)];
  const widths = HEADS.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 || column === HEADS.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const failures = results.flatMap(({ name, violations, folder, seed }) =>
    violations.length === 0
      ? []
      : [`\n${name}, seed ${seed}, logs in ${folder}`, ...violations.map((text) => `  ${text}`)],
  );
  const late = results.filter(({ loadLateMaxMs }) => loadLateMaxMs > DOUBT_MS);
  const doubts = late.map(
    ({ name, loadLateMaxMs }) =>
      `doubt: the load process of ${name} was late by up to ${Math.round(loadLateMaxMs)} ms itself`,
  );
  const lacks = skipped.map(({ name, lack }) => `skipped ${name}: ${lack}`);
  return [...lines, ...failures, ...doubts, ...(lacks.length === 0 ? [] : ['', ...lacks])].join(
    '\n',
  );
}

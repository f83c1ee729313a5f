/**
 * `npm run drain -- --sessions 1000`: drains and restarts nodes one after the other under load, and says what those who
 * were moved saw of it. Exit 1 when a send failed, something was lost, or the pause was longer than promised.
 */
import { parseArgs } from 'node:util';
import { rollingRestart } from './rolling.ts';
import type { RollingResult } from './rolling.ts';

const PAUSE_P99_MAX_MS = 1000;

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: text('3'),
    sessions: text('1000'),
    rate: text('100'),
    restarts: text('1'),
    json: { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  if (!values.json) console.error(line);
}

function isGood({ failed, violations, away, pauseP99Ms, exits }: RollingResult): boolean {
  const isWell = failed === 0 && violations.length === 0 && away === 0;
  return isWell && pauseP99Ms <= PAUSE_P99_MAX_MS && exits.every((exit) => exit === 0);
}

function show(result: RollingResult): void {
  const { violations, drainMs, exits, ...figures } = result;
  for (const [name, value] of Object.entries(figures))
    console.log(`${name.padEnd(20)} ${Math.round(value)}`);
  console.log(`${'drainMs'.padEnd(20)} ${drainMs.join(' ')}`);
  console.log(`${'exits'.padEnd(20)} ${exits.join(' ')}`);
  for (const { kind, text: what } of violations) console.log(`${kind}: ${what}`);
}

const result = await rollingRestart({
  nodes: Number(values.nodes),
  sessions: Number(values.sessions),
  rate: Number(values.rate),
  restarts: Number(values.restarts),
  args: positionals,
  say,
});
if (values.json) console.log(JSON.stringify(result));
else show(result);
process.exitCode = isGood(result) ? 0 : 1;

/**
 * `npm run drain -- --sessions 1000`: drains and restarts nodes one after the other under load, and says what those who
 * were moved saw of it; `--join` adds a node instead. Exit 1 when a send failed, something was lost, a client was without
 * a session or the cluster uneven for longer than promised.
 */
import { parseArgs } from 'node:util';
import type { DrainFigures } from './figures.ts';
import { growth, rollingRestart } from './rolling.ts';

const PAUSE_P99_MAX_MS = 1000;
const EVEN_MAX_MS = 30_000;

const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
const flag = { type: 'boolean', default: false } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: text('3'),
    sessions: text('1000'),
    rate: text('100'),
    restarts: text('1'),
    join: flag,
    json: flag,
  },
});

const load = {
  nodes: Number(values.nodes),
  sessions: Number(values.sessions),
  rate: Number(values.rate),
  args: positionals,
  say: (line: string): void => {
    if (!values.json) console.error(line);
  },
};

function isGood({ failed, violations, away, pauseP99Ms }: DrainFigures): boolean {
  return failed === 0 && violations.length === 0 && away === 0 && pauseP99Ms <= PAUSE_P99_MAX_MS;
}

function show({ violations, ...figures }: DrainFigures): void {
  if (values.json) return console.log(JSON.stringify({ ...figures, violations }));
  for (const [name, value] of Object.entries(figures))
    console.log(`${name.padEnd(20)} ${String(value)}`);
  for (const { kind, text: what } of violations) console.log(`${kind}: ${what}`);
}

if (values.join) {
  const result = await growth(load);
  show(result);
  process.exitCode = isGood(result) && result.evenMs <= EVEN_MAX_MS ? 0 : 1;
} else {
  const result = await rollingRestart({ ...load, restarts: Number(values.restarts) });
  show(result);
  process.exitCode = isGood(result) && result.exits.every((exit) => exit === 0) ? 0 : 1;
}

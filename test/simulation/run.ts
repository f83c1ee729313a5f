/** `npm run sim -- --seeds 1000 [--from 1]`: many seeds, one line each that fails; exit 1 when any does. */
import { parseArgs } from 'node:util';
import { simulate } from './world.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '100' }, from: { type: 'string', default: '1' } },
});
const fixed = process.env['FASTCHAT_SEED'];
const from = Number(fixed ?? values.from);
const count = fixed === undefined ? Number(values.seeds) : 1;
const totals = { sent: 0, acknowledged: 0, displayed: 0, faults: 0 };
let failed = 0;
for (let seed = from; seed < from + count; seed += 1) {
  const { violations, log, faults } = await simulate({ seed });
  totals.sent += log.counts.sent;
  totals.acknowledged += log.counts.acknowledged;
  totals.displayed += log.counts.displayed;
  totals.faults += faults;
  if (fixed !== undefined) process.stdout.write(`${log.lines.join('\n')}\n`);
  if (violations.length === 0) continue;
  failed += 1;
  process.stdout.write(`seed ${seed}: ${violations.length} violations\n`);
  for (const violation of violations.slice(0, 5)) process.stdout.write(`  ${violation}\n`);
}
process.stdout.write(
  `${count} seeds, ${failed} failed; ${totals.sent} sent, ${totals.acknowledged} acknowledged, ` +
    `${totals.displayed} displayed, ${totals.faults} faults; FASTCHAT_SEED=n npm run sim replays one\n`,
);
process.exitCode = failed === 0 ? 0 : 1;

/** `npm run faults -- [CASE…]`: hurts a real cluster under load and says what held. */
import type { Result } from './harness/run-case.ts';
import { runCase } from './harness/run-case.ts';
import { CASES, lackOf, NOT_SHOWN, parseOptions } from './options.ts';
import type { Options } from './options.ts';
import { tableOf } from './table.ts';
import type { Skipped } from './table.ts';

function list(): void {
  for (const { name, summary, covers } of CASES)
    console.log(`${name.padEnd(24)} [${covers.join(', ')}] ${summary}`);
  for (const [number, why] of Object.entries(NOT_SHOWN))
    console.log(`${'(not shown)'.padEnd(24)} [${number}] ${why}`);
}

function say(line: string): void {
  console.error(line);
}

async function runAll(options: Options): Promise<void> {
  const results: Result[] = [];
  const skipped: Skipped[] = [];
  for (const each of options.cases) {
    const world = options.worldOf(each);
    const lack = lackOf(each, world);
    if (lack !== undefined) {
      skipped.push({ name: each.name, lack });
      continue;
    }
    say(`${each.name}: ${each.summary} (seed ${world.seed})`);
    const rounds = options.roundsOf(each);
    const result = await runCase(each, { rounds, isKept: options.isKept, world, say });
    say(`  ${result.violations.length === 0 ? 'held' : 'FAILED'}`);
    if (options.isJson) console.log(JSON.stringify(result));
    results.push(result);
  }
  if (!options.isJson) console.log(tableOf(results, skipped));
  else for (const skip of skipped) console.log(JSON.stringify(skip));
  if (results.some(({ violations }) => violations.length > 0)) process.exitCode = 1;
}

// Ctrl+C: children get it, too, and end; what hangs on `exit` handlers takes the rest away.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const options = parseOptions(process.argv.slice(2));
if (options.isList) list();
else await runAll(options);

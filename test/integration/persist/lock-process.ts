/** A process that takes a data directory, prints `held` or the error's code, and holds it until it is killed. */
import { systemRandom } from '../../../src/ops/random.ts';
import { openDataDirectory } from '../../../src/persist/data-directory.ts';

process.stdin.once('data', () => {
  try {
    openDataDirectory({ path: process.argv[2] ?? '', random: systemRandom });
    process.stdout.write('held\n');
  } catch (error) {
    process.stdout.write(`${(error as { readonly code?: string }).code}\n`);
  }
});
process.stdout.write('ready\n');

/** A few seconds of what `npm run soak:node` does for half an hour: shows that the soak itself works. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOAK = fileURLToPath(new URL('../../bench/soak/run.ts', import.meta.url));

describe('soak of a node', function () {
  this.timeout(60_000);

  it('loses nothing while clients come, go, write, register and send garbage', async () => {
    const args = ['--import', 'tsx', SOAK, '--seconds', '5', '--users', '10', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { counts, problems } = JSON.parse(stdout) as {
      readonly counts: Readonly<Record<string, number>>;
      readonly problems: readonly string[];
    };
    expect(problems).eql([]);
    expect(counts['delivered']).equal(counts['sent']);
    for (const what of ['stored', 'logins', 'departures', 'garbage', 'registrations'])
      expect(counts[what], what).greaterThan(0);
  });
});

/** The fault suite in small, so that it cannot rot: `npm run faults` is the suite itself. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { runCase } from './harness/run-case.ts';
import { CASES, DEFAULT_WORLD, lackOf, NOT_SHOWN } from './options.ts';

const SMOKE = { ...DEFAULT_WORLD, users: 30, rate: 60 };

describe('the list of faults in docs/FAULTS.md', () => {
  it('has a case or a reason for every line', () => {
    const page = readFileSync(new URL('../../docs/FAULTS.md', import.meta.url), 'utf8');
    const lines = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, number]) => Number(number));
    const shown = new Set(CASES.flatMap(({ covers }) => covers));
    expect(lines).to.have.length(22);
    for (const number of lines)
      expect(shown.has(number) !== (NOT_SHOWN[number] !== undefined), `line ${number}`).to.equal(
        true,
      );
  });

  it('names every case', () => {
    const page = readFileSync(new URL('../../docs/FAULTS.md', import.meta.url), 'utf8');
    const missing = CASES.filter(({ name }) => !page.includes(`\`${name}\``));
    expect(missing.map(({ name }) => name)).to.deep.equal([]);
  });
});

describe('a cluster of real processes', function () {
  this.timeout(180_000);

  for (const name of ['kill-all', 'partition-one-way'])
    it(`holds its promise through ${name}`, async function () {
      const each = CASES.find((candidate) => candidate.name === name);
      if (each === undefined) throw new Error(`there is no case ${name}`);
      const seed = Number(process.env['FASTCHAT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
      const world = { ...SMOKE, ...each.world, seed };
      if (lackOf(each, world) !== undefined) this.skip();
      const result = await runCase(each, {
        rounds: name === 'kill-all' ? 1 : 2,
        isKept: false,
        world,
        say: () => undefined,
      });
      expect(result.violations, `seed ${seed}, logs in ${result.folder}`).to.deep.equal([]);
      expect(result.counts.sent).to.be.above(0);
    });
});

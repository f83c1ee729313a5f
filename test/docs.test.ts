import { expect } from 'chai';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fillTables, TABLES } from '../tools/protocol-tables.ts';

const protocol = readFileSync(new URL('../docs/PROTOCOL.md', import.meta.url), 'utf8');

/** Column widths are prettier's business. */
const folded = (markdown: string): string =>
  markdown
    .replace(/[ \t]+/g, ' ')
    .replace(/-{3,}/g, '---')
    .replace(/\n{2,}/g, '\n\n');

describe('docs/PROTOCOL.md', () => {
  it('shows every frame as the code declares it (`npm run docs` writes the tables)', () => {
    expect(folded(protocol)).to.equal(folded(fillTables(protocol)));
  });

  it('has a place for every table', () => {
    for (const name of Object.keys(TABLES)) expect(protocol).to.contain(`<!-- table: ${name} -->`);
  });
});

describe('docs/SECURITY.md', () => {
  const security = readFileSync(new URL('../docs/SECURITY.md', import.meta.url), 'utf8');
  const rows = security
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map((cells) => /^`(test\/[^`]+\.ts)`: (.*)$/.exec(cells.at(-2) ?? ''))
    .filter((match) => match !== null);
  /** Quotes and escapes are how a name is written down in its file, not part of it. */
  const plain = (source: string): string => source.replaceAll(/\\(['"`])/g, '$1');

  it('names a test that is there for every attack', () => {
    const missing = rows.filter(([, path = '', name = '']) => {
      const file = new URL(`../${path}`, import.meta.url);
      return !existsSync(file) || !plain(readFileSync(file, 'utf8')).includes(nameOf(name));
    });
    expect(missing.map(([row]) => row)).to.deep.equal([]);
    expect(rows.length).to.be.greaterThan(150);
  });

  it('leaves out no attack of a file that is there to attack', () => {
    const named = new Set(rows.map(([, path]) => path));
    const files = readdirSync(new URL('attacks/', import.meta.url));
    const attacks = files
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `test/attacks/${name}`);
    expect(attacks.filter((path) => !named.has(path))).to.deep.equal([]);
  });
});

/** A name as its file has it: templates are quoted by backticks, and what stands before a suite's test is in its `describe`. */
function nameOf(text: string): string {
  const name = text.replace(/^`(.*)`$/, '$1');
  return name.replace(/^(libsodium, )/, '');
}

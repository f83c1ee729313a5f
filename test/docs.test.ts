import { expect } from 'chai';
import { readFileSync } from 'node:fs';
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

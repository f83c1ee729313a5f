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

describe('error codes of the contract', () => {
  const CODES = `
    E_USAGE E_BAD_NAME E_NAME_TAKEN E_AUTH E_NOT_LOGGED_IN E_DATA_IN_USE
    E_HOME_IN_USE E_REGISTRATION E_NO_SUCH_USER E_NO_SUCH_GROUP E_GROUP_EXISTS E_ALREADY_MEMBER
    E_NOT_MEMBER E_NOT_ADMIN E_LAST_ADMIN E_GROUP_FULL E_BLOCKED E_STALE_EPOCH
    E_TOO_LARGE E_MAILBOX_FULL E_RATE_LIMITED E_STORE_FULL E_TICKET_FORGED E_TICKET_EXPIRED
    E_TICKET_REPLAYED E_TICKET_NODE E_KEY_CHANGED E_DECRYPT E_SIGNATURE E_BAD_FRAME
    E_VERSION E_UNREACHABLE E_TIMEOUT E_MOVED `
    .trim()
    .split(/\s+/);

  it('are each provoked from outside, by a test that names them', () => {
    const titles = ['e2e/', 'attacks/'].flatMap((folder) => {
      const directory = new URL(folder, import.meta.url);
      return readdirSync(directory)
        .filter((name) => name.endsWith('.test.ts'))
        .flatMap(
          (name) => readFileSync(new URL(name, directory), 'utf8').match(/it\(\s*[`'].*/g) ?? [],
        );
    });
    const missing = [...CODES, 'exit 70'].filter(
      (code) => !titles.some((title) => title.includes(code)),
    );
    expect(missing).to.deep.equal([]);
  });
});

/** A name as its file has it: templates are quoted by backticks, and what stands before a suite's test is in its `describe`. */
function nameOf(text: string): string {
  const name = text.replace(/^`(.*)`$/, '$1');
  return name.replace(/^(libsodium, )/, '');
}

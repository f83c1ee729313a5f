/** The source checks itself: what no compiler and no linter looks at. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { FAMILIES } from '../src/ops/metric-families.ts';
import type { Family } from '../src/ops/metric-families.ts';

const root = new URL('..', import.meta.url);

function tracked(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  return list.split('\n').filter((path) => path !== '' && existsSync(new URL(path, root)));
}

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

describe('the source itself', () => {
  const sources = tracked().filter((path) => /^(src|test|bench|tools)\/.*\.ts$/.test(path));

  it('has no sleeps in tests: a wait has an event to wait for', () => {
    const sleeping = sources
      .filter((path) => path.startsWith('test/') && path !== 'test/tidy.test.ts')
      .filter((path) =>
        /\b(sleep|delay)\(|await new Promise\(\(?\w+\)? => setTimeout/.test(read(path)),
      );
    expect(sleeping).to.deep.equal([]);
  });

  it('has no to-do without an owner or a decision record', () => {
    const open = sources.filter(
      (path) =>
        path !== 'test/tidy.test.ts' && /\b(TODO|FIXME|XXX)\b(?!\((ADR|@))/.test(read(path)),
    );
    expect(open).to.deep.equal([]);
  });

  it('explains every module of src at its top', () => {
    const silent = sources
      .filter((path) => path.startsWith('src/'))
      .filter((path) => !/^(#!.*\n)?\/\*\*/.test(read(path)));
    expect(silent).to.deep.equal([]);
  });

  it('feeds every metric that it declares, and every value of a label', () => {
    const code = sources
      .filter((path) => path.startsWith('src/') && !path.endsWith('metric-families.ts'))
      .map(read)
      .join('\n');
    const families: readonly (readonly [string, Family])[] = Object.entries(FAMILIES);
    const names = families.flatMap(([key, { values }]) =>
      values === undefined ? [key] : values.map((value) => `${key}.${value}`),
    );
    // Some values come from a table or a loop.
    const isFed = (name: string): boolean =>
      code.includes(`metrics.${name}`) || code.includes(`metrics.${name.split('.')[0]}[`);
    expect(names.filter((name) => !isFed(name))).to.deep.equal([]);
  });

  it('names every bound of limits.ts in docs/LIMITS.md', () => {
    const limits = [...read('src/protocol/limits.ts').matchAll(/^export const ([A-Z_0-9]+)/gm)].map(
      (match) => match[1] ?? '',
    );
    const documented = read('docs/LIMITS.md');
    const missing = limits.filter(
      (name) => name !== 'DEFAULT_LIMITS' && !documented.includes(name),
    );
    expect(missing).to.deep.equal([]);
  });

  it('decides every bound it names: each is used by some module', () => {
    const limits = [...read('src/protocol/limits.ts').matchAll(/^export const ([A-Z_0-9]+)/gm)].map(
      (match) => match[1] ?? '',
    );
    const code = sources
      .filter((path) => path.startsWith('src/'))
      .map((path) => [path, read(path)] as const);
    const unused = limits.filter(
      (name) =>
        !code.some(([path, text]) =>
          path === 'src/protocol/limits.ts'
            ? text.split(name).length > 2
            : new RegExp(`\\b${name}\\b`).test(text),
        ),
    );
    expect(unused).to.deep.equal([]);
  });
});

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemRandom } from '../../../src/ops/random.ts';
import { openDataDirectory } from '../../../src/persist/data-directory.ts';
import { thisProcess } from '../../../src/persist/process-identity.ts';

const LOCK_PROCESS = fileURLToPath(new URL('lock-process.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const STARTERS = 4;

function linesOf(output: Readable): AsyncIterator<string> {
  return createInterface({ input: output })[Symbol.asyncIterator]();
}

/** A process that is ready to take the directory. */
async function starter(path: string) {
  const child = spawn(process.execPath, ['--import', TSX, LOCK_PROCESS, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = linesOf(child.stdout);
  const next = async (): Promise<string> => String((await lines.next()).value);
  const ended = new Promise((resolve) => child.once('close', resolve));
  expect(await next()).to.equal('ready');
  return {
    take(): Promise<string> {
      child.stdin.write('go\n');
      return next();
    },
    pid: child.pid,
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('openDataDirectory', function () {
  this.timeout(15_000);
  let root: string;
  let path: string;
  const open = (inUse?: 'E_HOME_IN_USE') =>
    openDataDirectory({ path, random: systemRandom, ...(inUse === undefined ? {} : { inUse }) });
  const locks = (): string[] => readdirSync(path).filter((name) => name.startsWith('lock'));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fastchat-lock-'));
    path = join(root, 'deep', 'data');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('makes the directory for its owner alone', () => {
    const directory = open();
    expect(statSync(path).mode & 0o777).to.equal(0o700);
    directory.release();
    expect(locks()).to.deep.equal([]);
  });

  it('refuses a second owner, names the first, and lets in the next after a release', () => {
    const directory = open();
    expect(() => open())
      .to.throw(String(process.pid))
      .with.property('code', 'E_DATA_IN_USE');
    expect(() => open('E_HOME_IN_USE'))
      .to.throw(String(process.pid))
      .with.property('code', 'E_HOME_IN_USE');
    directory.release();
    open().release();
  });

  it('refuses another process while it lives, and takes over after kill -9', async () => {
    const other = await starter(path);
    try {
      expect(await other.take()).to.equal('held');
      expect(() => open())
        .to.throw(String(other.pid))
        .with.property('code', 'E_DATA_IN_USE');
    } finally {
      await other.kill();
    }
    const directory = open();
    expect(locks()).to.have.length(1);
    directory.release();
  });

  for (const [name, stale] of [
    ['a process of another start of the machine', { ...thisProcess(), bootId: 'another' }],
    ['a process whose id was used again', { ...thisProcess(), startedAt: '1' }],
    ['a process that has ended', { ...thisProcess(), pid: 2 ** 22 + 1 }],
    ['nobody', 'garbage'],
  ] as const)
    it(`takes over the lock of ${name}`, () => {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'lock.3'), JSON.stringify(stale));
      const directory = open();
      expect(locks()).to.deep.equal(['lock.4']);
      expect(() => open())
        .to.throw()
        .with.property('code', 'E_DATA_IN_USE');
      directory.release();
    });

  it('lets exactly one of several simultaneous starters take over a stale lock', async () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'lock.1'), JSON.stringify({ ...thisProcess(), bootId: 'another' }));
    const starters = await Promise.all(Array.from({ length: STARTERS }, () => starter(path)));
    try {
      const answers = await Promise.all(starters.map((one) => one.take()));
      expect(answers.sort()).to.deep.equal([
        ...Array.from({ length: STARTERS - 1 }, () => 'E_DATA_IN_USE'),
        'held',
      ]);
    } finally {
      await Promise.all(starters.map((one) => one.kill()));
    }
  });

  it('gives its lock up again when another one came into being meanwhile', () => {
    mkdirSync(path, { recursive: true });
    const rival = join(path, 'lock.9');
    // Chance is asked after the locks were read and before ours is made.
    const bytes = (count: number): Uint8Array => {
      writeFileSync(rival, JSON.stringify(thisProcess()));
      return systemRandom.bytes(count);
    };
    expect(() => openDataDirectory({ path, random: { ...systemRandom, bytes } }))
      .to.throw()
      .with.property('code', 'E_DATA_IN_USE');
    expect(locks()).to.deep.equal(['lock.9']);
  });

  it('says clearly when the directory cannot be used', () => {
    writeFileSync(join(root, 'deep'), 'a file');
    expect(() => open())
      .to.throw(path)
      .with.property('code', 'E_IO');
  });
});

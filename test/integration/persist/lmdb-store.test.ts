/** The real store with real processes and real damage. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { systemClock } from '../../../src/ops/clock.ts';
import { storeKey } from '../../../src/persist/keys.ts';
import { openShardStore } from '../../../src/persist/environment-shard-store.ts';
import { openLmdbEnvironment } from '../../../src/persist/lmdb-environment.ts';
import { openLmdbShardStore } from '../../../src/persist/lmdb-shard-store.ts';
import type { ShardStore } from '../../../src/persist/shard-store.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';

const STORE_PROCESS = fileURLToPath(new URL('store-process.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
const SHARD = parseShardId(1);

interface Lines {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves when a line satisfies `wanted`, or the process has ended. */
  until(wanted: (line: string) => boolean): Promise<void>;
  readonly ended: Promise<number | null>;
}

function linesOf(command: string, args: readonly string[]): Lines {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const lines: string[] = [];
  let notify = (): void => undefined;
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => {
    lines.push(line);
    notify();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      notify();
      resolve(code);
    });
  });
  const until = async (wanted: (line: string) => boolean): Promise<void> => {
    for (let next = 0; ;) {
      if (lines.slice(next).some(wanted) || (child.exitCode ?? child.signalCode) !== null) return;
      next = lines.length;
      await new Promise<void>((resolve) => (notify = resolve));
    }
  };
  return { child, lines, until, ended };
}

function fail(error: Error): void {
  throw error;
}

describe('the store on a real disk', function () {
  this.timeout(15_000);
  let root: string;
  let directory: string;
  const open = (): Promise<ShardStore> =>
    openLmdbShardStore({
      directory,
      clock: systemClock,
      limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
      onFailure: fail,
    });
  const refusal = async (): Promise<{ code: string; message: string }> => {
    try {
      await (await open()).close();
    } catch (error) {
      return error as { code: string; message: string };
    }
    return { code: 'opened', message: '' };
  };
  const acknowledged = (lines: readonly string[]): number =>
    Math.max(0, ...lines.map(Number).filter((seq) => !Number.isNaN(seq)));
  const expectAll = (store: ShardStore, upTo: number): void => {
    expect(store.head(SHARD).seq).to.be.greaterThanOrEqual(upTo);
    for (let seq = 1; seq <= upTo; seq += 1)
      expect(store.get(SHARD, storeKey(seq)), `${seq}`).to.have.length(1200);
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'fastchat.persist-'));
    directory = join(root, 'store');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('S1: after kill -9 nothing acknowledged is missing', async () => {
    for (const round of [1, 2]) {
      const writer = linesOf(process.execPath, ['--import', TSX, STORE_PROCESS, directory]);
      await writer.until((line) => Number(line) >= round * 700);
      writer.child.kill('SIGKILL');
      await writer.ended;
      const store = await open();
      expect(acknowledged(writer.lines)).to.be.greaterThanOrEqual(round * 700);
      expectAll(store, acknowledged(writer.lines));
      await store.close();
    }
  });

  it('S6: a disk that takes no more ends the store once and quietly, and loses nothing acknowledged', async () => {
    const limited = 'ulimit -f 8000; exec "$@"';
    const writer = linesOf('sh', [
      '-c',
      limited,
      'sh',
      process.execPath,
      '--import',
      TSX,
      STORE_PROCESS,
      directory,
    ]);
    expect(await writer.ended).to.equal(0);
    expect(writer.lines.filter((line) => /[A-Z]/.test(line))).to.deep.equal(['FAILED E_IO']);
    const store = await open();
    expect(acknowledged(writer.lines)).to.be.greaterThan(100);
    expectAll(store, acknowledged(writer.lines));
    await store.close();
  });

  it('a disk that takes nothing ends the start, and is no loss', async () => {
    const store = await open();
    await store.commit(SHARD, 1, [{ key: storeKey(1), value: new Uint8Array(1200) }]);
    await store.close();
    const args = ['--import', TSX, STORE_PROCESS, directory];
    const starter = linesOf('sh', [
      '-c',
      'ulimit -f 1; exec "$@"',
      'sh',
      process.execPath,
      ...args,
    ]);
    expect(await starter.ended).to.equal(1);
    expect(starter.lines).to.deep.equal(['REFUSED E_IO']);
    const again = await open();
    expectAll(again, 1);
    await again.close();
  });

  describe('damage', () => {
    const dataFile = (): string => join(directory, 'data.mdb');

    beforeEach(async () => {
      const store = await open();
      for (let turn = 0; turn < 10; turn += 1)
        await store.commit(
          SHARD,
          1,
          Array.from({ length: 100 }, (_, index) => ({
            key: storeKey(turn, index),
            value: new Uint8Array(1000),
          })),
        );
      await store.close();
    });

    it('refuses a data file that is not one', async () => {
      writeFileSync(dataFile(), Buffer.alloc(100_000, 'garbage'));
      expect(await refusal()).to.include({ code: 'E_IO' });
    });

    it('refuses a data file cut off anywhere, instead of dying on it later', async () => {
      const { size } = statSync(dataFile());
      for (const bytes of [size - 4096 * 20, size / 2, 12_288, 8192, 5000, 100, 0]) {
        truncateSync(dataFile(), Math.floor(bytes));
        const { code, message } = await refusal();
        expect(code, `${bytes} bytes`).to.equal('E_IO');
        expect(message).to.include('data.mdb');
      }
    });

    it('opens a file that is shorter than it says when only free pages are missing at its end', async () => {
      const data = readFileSync(dataFile());
      const lastPageOffset = 24 + 120;
      for (const meta of [0, 2048, 4096]) {
        const offset = meta + lastPageOffset;
        data.writeBigUInt64LE(data.readBigUInt64LE(offset) + 5n, offset);
      }
      writeFileSync(dataFile(), data);
      const store = await open();
      expect(store.snapshotPage(SHARD, undefined, 500).writes).to.have.length(500);
      await store.close();
    });

    it('refuses to start empty where there was a store', async () => {
      rmSync(dataFile());
      expect(await refusal()).to.include({ code: 'E_IO' });
    });

    it('refuses to start without its log', async () => {
      rmSync(join(directory, 'log.1'));
      const { code, message } = await refusal();
      expect(code).to.equal('E_IO');
      expect(message).to.include('log.1');
    });

    it('refuses a log that is cut off, or is not one', async () => {
      const path = join(directory, 'log.0');
      const log = readFileSync(path);
      for (const damaged of [
        Buffer.alloc(0),
        log.subarray(0, log.length / 2),
        Buffer.alloc(log.length, 'x'),
      ]) {
        writeFileSync(path, damaged);
        expect(await refusal(), `${damaged.length} bytes`).to.include({ code: 'E_IO' });
      }
      writeFileSync(path, log);
      expect(await refusal()).to.include({ code: 'opened' });
    });

    it('opens a store of the time before the log', async () => {
      const plain = join(root, 'plain');
      const old = openLmdbEnvironment({ directory: plain, clock: systemClock, onFailure: fail });
      const before = await openShardStore({
        environment: old,
        clock: systemClock,
        limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
        space: () => ({ freeBytes: 1e9, totalBytes: 1e9 }),
      });
      await before.commit(SHARD, 1, [{ key: storeKey(1), value: new Uint8Array(1200) }]);
      await before.close();
      directory = plain;
      const store = await open();
      expectAll(store, 1);
      await store.close();
    });

    it('refuses another format', async () => {
      expect(readFileSync(join(directory, 'FORMAT'), 'utf8')).to.equal('fastchat-store 2\n');
      writeFileSync(join(directory, 'FORMAT'), 'fastchat-store 3\n');
      expect(await refusal()).to.include({ code: 'E_VERSION' });
    });

    it('opens a whole file although it was closed in haste', async () => {
      rmSync(join(directory, 'lock.mdb'));
      rmSync(join(directory, 'FORMAT'));
      const store = await open();
      expect(store.head(SHARD).seq).to.equal(10);
      await store.close();
    });
  });
});

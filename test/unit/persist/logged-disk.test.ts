import { expect } from 'chai';
import { seededRandom } from '../../../src/ops/random.ts';
import type { Disk, DiskWrite } from '../../../src/persist/environment.ts';
import { openLoggedDisk } from '../../../src/persist/logged-disk.ts';
import { physicalKey } from '../../../src/persist/physical-keys.ts';
import {
  COMMIT_WATCHDOG_LOOKS,
  COMMIT_WATCHDOG_MS,
  STORE_APPLY_DELAY_MS,
  STORE_APPLY_WRITES,
  STORE_UNAPPLIED_WRITES_MAX,
} from '../../../src/protocol/limits.ts';
import { HeldDisk, HeldFile } from './held-storage.ts';
import { ManualClock } from './manual-disk.ts';

const AREA = 0x010000;
const FILE_BYTES = 4096;

function write(name: string, value: string | undefined): DiskWrite {
  const physical = physicalKey(AREA, Buffer.from(name));
  return {
    area: AREA,
    text: name,
    physical,
    value: value === undefined ? undefined : Buffer.from(value),
  };
}

/** Lets promise reactions run. */
async function reactions(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await Promise.resolve();
}

/** One machine: its disk, the two files of its log and its clock, through any number of lives. */
class Machine {
  readonly disk = new HeldDisk();
  readonly files = [new HeldFile(), new HeldFile()] as const;
  clock = new ManualClock();
  readonly random = seededRandom(1);

  /** With `isQuick` writes finish by themselves, otherwise when told to; what opening itself writes always does. */
  async open(isQuick = false): Promise<Disk> {
    const { disk, files } = this;
    this.clock = new ManualClock();
    disk.isQuick = true;
    const opened = await openLoggedDisk({
      disk,
      openFiles: () => files,
      clock: this.clock,
      random: this.random,
      fileBytes: FILE_BYTES,
    });
    disk.isQuick = isQuick;
    for (const file of files) file.isQuick = isQuick;
    return opened;
  }

  /** Finishes the write to the log that is under way. */
  finishOneWrite(): void {
    for (const file of this.files) file.finish();
  }

  async finishLog(): Promise<void> {
    await reactions();
    this.finishOneWrite();
    await reactions();
  }

  /** The power fails: of a write to the log some sectors are there, a transaction is there or not. */
  crash(chance: () => number): void {
    for (const file of this.files) file.crash(chance);
    this.disk.crash(chance);
  }
}

describe('a disk behind a write-ahead log', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });

  it('flushes a turn when the log has it, and shows it when the disk has it', async () => {
    const disk = await machine.open();
    const told: string[] = [];
    const { committed, flushed } = disk.commit([write('a', '1')]);
    void flushed.then(() => told.push('flushed'));
    void committed.then(() => told.push('committed'));
    await reactions();
    expect(told).to.deep.equal([]);
    machine.files[0].finish();
    await reactions();
    expect(told).to.deep.equal(['flushed']);
    machine.clock.advance(STORE_APPLY_DELAY_MS);
    machine.disk.finish();
    await reactions();
    expect(told).to.deep.equal(['flushed', 'committed']);
    expect(machine.disk.content(AREA)).to.deep.equal({ a: '1' });
  });

  it('makes one transaction of many turns, of each key the last write', async () => {
    const disk = await machine.open();
    for (const value of ['1', '2', undefined, '3']) {
      void disk.commit([write('a', value), write(`b${value}`, value)]);
      await machine.finishLog();
    }
    machine.clock.advance(STORE_APPLY_DELAY_MS);
    const transaction = machine.disk.held.at(-1) ?? [];
    expect(transaction.filter(({ area }) => area === AREA).map(({ text }) => text)).to.have.members(
      ['a', 'b1', 'b2', 'bundefined', 'b3'],
    );
    machine.disk.finish();
    expect(machine.disk.content(AREA)['a']).to.equal('3');
  });

  it('does not wait for its delay when much is logged', async () => {
    const disk = await machine.open();
    const many = Array.from({ length: STORE_APPLY_WRITES }, (_, index) => write(`${index}`, ''));
    void disk.commit(many);
    expect(machine.disk.held).to.have.length(0);
    await machine.finishLog();
    expect(machine.disk.held).to.have.length(1);
  });

  it('writes those that come during a write together', async () => {
    const disk = await machine.open();
    const outcomes = ['a', 'b', 'c'].map((name) => disk.commit([write(name, name)]).flushed);
    machine.files[0].finish();
    await reactions();
    machine.files[0].finish();
    await Promise.all(outcomes);
    expect(machine.files[0].writes).to.equal(2);
  });

  it('has turns wait when both files are full, until the disk has what is in one', async () => {
    const disk = await machine.open();
    const told: number[] = [];
    for (let turn = 0; turn < 12; turn += 1)
      void disk.commit([write(`${turn}`, 'x'.repeat(1000))]).flushed.then(() => told.push(turn));
    for (let round = 0; round < 20; round += 1) await machine.finishLog();
    const before = told.length;
    expect(before).to.be.within(4, 10);
    machine.clock.advance(STORE_APPLY_DELAY_MS);
    machine.disk.finish();
    for (let round = 0; round < 20; round += 1) await machine.finishLog();
    expect(told.length).to.be.greaterThan(before);
    expect(told).to.deep.equal([...told].sort((left, right) => left - right));
  });

  it('has everything on the disk when it is closed', async () => {
    const disk = await machine.open(true);
    void disk.commit([write('a', '1')]);
    await disk.commit([write('b', '2')]).flushed;
    await disk.close();
    expect(machine.disk.content(AREA)).to.deep.equal({ a: '1', b: '2' });
    expect(machine.disk.closed && machine.files.every(({ closed }) => closed)).to.equal(true);
  });

  it('does not take what an earlier life left behind a torn write for its own', async () => {
    const disk = await machine.open();
    void disk.commit([write('before', '1')]);
    await machine.finishLog();
    void disk.commit([write('torn', 'x'.repeat(700))]);
    await machine.finishLog();
    void disk.commit([write('left behind', 'y'.repeat(700))]);
    await machine.finishLog();
    // As if the two had gone as one write, of which a sector of the first is missing.
    machine.files[0].damageOnce('x');
    machine.crash(() => 1);

    const next = await machine.open();
    expect(machine.disk.content(AREA)).to.deep.equal({ before: '1' });
    // The same turns again, as a client that got no answer sends them: records of the same length at the same places.
    void next.commit([write('again!', '1')]);
    await machine.finishLog();
    void next.commit([write('torn', 'x'.repeat(700))]);
    await machine.finishLog();
    machine.crash(() => 0);
    await machine.open();
    expect(machine.disk.content(AREA)).to.have.keys('before', 'again!', 'torn');
  });

  it('refuses nothing silently: a failed write ends with its turns', async () => {
    const disk = await machine.open();
    const outcome = disk.commit([write('a', '1')]);
    const codes = Promise.allSettled([outcome.flushed, outcome.committed]);
    machine.files[0].fail(new Error('no space'));
    expect((await codes).map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
  });

  it('ends with the turns that wait when the disk fails, and is closed without it', async () => {
    const disk = await machine.open();
    const first = Promise.allSettled([disk.commit([write('a', '1')]).committed]);
    await machine.finishLog();
    machine.clock.advance(STORE_APPLY_DELAY_MS);
    const second = Promise.allSettled([disk.commit([write('b', '2')]).committed]);
    await machine.finishLog();
    machine.disk.fail(new Error('no space'));
    const outcomes = [...(await first), ...(await second)];
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    const [closed] = await Promise.allSettled([disk.close()]);
    expect(closed.status).to.equal('rejected');
    expect(machine.disk.closed, 'a failed disk is not touched again').to.equal(false);
    await machine.open();
    expect(machine.disk.content(AREA)).to.deep.equal({ a: '1', b: '2' });
  });

  it('tells of a disk that fails while it is closed', async () => {
    const disk = await machine.open();
    void Promise.allSettled([disk.commit([write('a', '1')]).committed]);
    await machine.finishLog();
    const closing = Promise.allSettled([disk.close()]);
    await reactions();
    machine.disk.fail(new Error('no space'));
    expect((await closing)[0].status).to.equal('rejected');
  });

  it('takes a disk that does not answer for one that failed', async () => {
    const disk = await machine.open();
    const outcome = Promise.allSettled([disk.commit([write('a', '1')]).committed]);
    await machine.finishLog();
    machine.clock.advance(STORE_APPLY_DELAY_MS);
    for (let look = 0; look < COMMIT_WATCHDOG_LOOKS; look += 1)
      machine.clock.advance(COMMIT_WATCHDOG_MS / COMMIT_WATCHDOG_LOOKS);
    expect((await outcome)[0].status).to.equal('rejected');
  });

  it('logs nothing more while the disk is far behind', async () => {
    const disk = await machine.open();
    const many = Array.from({ length: STORE_UNAPPLIED_WRITES_MAX }, (_, index) =>
      write(`${index}`, ''),
    );
    void disk.commit(many);
    await machine.finishLog();
    const told: string[] = [];
    void disk.commit([write('late', '1')]).flushed.then(() => told.push('late'));
    await machine.finishLog();
    expect(told).to.deep.equal([]);
    machine.disk.finish();
    await machine.finishLog();
    expect(told).to.deep.equal(['late']);
  });

  it('refuses a log with a hole, which no crash leaves', async () => {
    const disk = await machine.open();
    for (let turn = 0; turn < 6; turn += 1) {
      void disk.commit([write(`${turn}`, 'x'.repeat(1000))]);
      await machine.finishLog();
    }
    machine.files[0].damageOnce('x');
    machine.crash(() => 1);
    const [opened] = await Promise.allSettled([machine.open()]);
    expect(opened.status).to.equal('rejected');
  });

  it('loses nothing that was flushed in any crash', async function () {
    this.timeout(30_000);
    for (let seed = 1; seed <= 200; seed += 1) await crashAndCompare(seed);
  });
});

type Content = Readonly<Record<string, string>>;

/** Turns at random, things finishing at random, crashes at random; the disk shows a prefix of the turns that has all flushed ones. */
async function crashAndCompare(seed: number): Promise<void> {
  const machine = new Machine();
  const random = seededRandom(seed);
  const chance = (): number => random.fraction();
  let base: Content = {};
  for (let life = 1; life <= 6; life += 1) {
    const disk = await machine.open();
    expect(
      machine.disk.content(AREA),
      `seed ${seed}: what the crash left is applied`,
    ).to.deep.equal(base);
    const states: Content[] = [base];
    let flushed = 0;
    for (let step = 0; step < 120; step += 1) {
      const dice = chance();
      if (dice < 0.3) {
        const writes = randomTurn(chance, `${life}.${states.length}`);
        states.push(after(states.at(-1) ?? {}, writes));
        const number = states.length - 1;
        void disk.commit(writes).flushed.then(() => {
          expect(number, `seed ${seed}: in order`).to.equal(flushed + 1);
          flushed = number;
        });
      } else if (dice < 0.75) machine.finishOneWrite();
      else if (dice < 0.85) machine.disk.finish();
      else machine.clock.advance(STORE_APPLY_DELAY_MS / 2);
      await reactions();
    }
    machine.crash(chance);
    base = await recovered(machine, states.slice(flushed), `seed ${seed}`);
  }
}

/** What an opening shows, which must be one of `allowed`. */
async function recovered(
  machine: Machine,
  allowed: readonly Content[],
  run: string,
): Promise<Content> {
  await machine.open();
  const content = machine.disk.content(AREA);
  expect(
    allowed.some((state) => JSON.stringify(sorted(state)) === JSON.stringify(content)),
  ).to.equal(true, `${run}: ${JSON.stringify(content)} is none of ${JSON.stringify(allowed)}`);
  return content;
}

function randomTurn(chance: () => number, value: string): DiskWrite[] {
  const names = new Set(
    Array.from({ length: 1 + chance() * 4 }, () => `k${Math.floor(chance() * 9)}`),
  );
  return [...names].map((name) =>
    write(name, chance() < 0.2 ? undefined : `${value} ${'.'.repeat(chance() * 300)}`),
  );
}

function after(content: Content, writes: readonly DiskWrite[]): Content {
  const next = new Map(Object.entries(content));
  for (const { text, value } of writes)
    if (value === undefined) next.delete(text);
    else next.set(text, value.toString());
  return sorted(Object.fromEntries(next));
}

function sorted(content: Content): Content {
  return Object.fromEntries(
    Object.entries(content).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

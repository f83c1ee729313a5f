import { expect } from 'chai';
import { openShardStore } from '../../../src/persist/environment-shard-store.ts';
import { GroupCommit } from '../../../src/persist/group-commit.ts';
import type { FastChatError } from '../../../src/protocol/errors.ts';
import { parseShardId } from '../../../src/protocol/ids.ts';
import { COMMIT_WATCHDOG_LOOKS, COMMIT_WATCHDOG_MS } from '../../../src/protocol/limits.ts';
import { ManualClock, ManualDisk } from './manual-disk.ts';

const AREA = 0x010000;
const LOOK_MS = COMMIT_WATCHDOG_MS / COMMIT_WATCHDOG_LOOKS;
const key = (text: string): Uint8Array => Buffer.from(text);

/** Lets promise reactions run. */
async function reactions(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await Promise.resolve();
}

describe('GroupCommit', () => {
  let clock: ManualClock;
  let disk: ManualDisk;
  let failures: FastChatError[];
  let environment: GroupCommit;
  /** What `flushed` came to, by name. */
  let outcomes: string[];

  beforeEach(() => {
    clock = new ManualClock();
    disk = new ManualDisk();
    failures = [];
    outcomes = [];
    environment = new GroupCommit(disk, { clock, onFailure: (error) => failures.push(error) });
  });

  function write(name: string): void {
    environment.write(AREA, key(name), key(name));
    environment.flushed(name).then(
      (value) => outcomes.push(value),
      (error: FastChatError) => outcomes.push(`${name} ${error.code}`),
    );
  }

  it('makes one transaction of the writes of one turn, each key once', () => {
    write('a');
    write('b');
    write('a');
    expect(disk.held).to.have.length(0);
    clock.endTurn();
    expect(disk.held).to.have.length(1);
    expect(disk.held[0]?.writes.map(({ text }) => text)).to.deep.equal(['a', 'b']);
  });

  it('E3: resolves when flushed, not when committed', async () => {
    write('a');
    clock.endTurn();
    disk.held[0]?.commit();
    await reactions();
    expect(outcomes).to.deep.equal([]);
    disk.held[0]?.flush();
    await reactions();
    expect(outcomes).to.deep.equal(['a']);
    expect(clock.timers).to.equal(0);
  });

  it('E3: resolves turns in order although the disk answers out of order', async () => {
    write('a');
    clock.endTurn();
    write('b');
    clock.endTurn();
    disk.held[1]?.flush();
    await reactions();
    expect(outcomes).to.deep.equal([]);
    disk.held[0]?.flush();
    await reactions();
    expect(outcomes).to.deep.equal(['a', 'b']);
  });

  it('E1: shows a write until the disk shows it, and a newer write of the key over it', async () => {
    write('a');
    clock.endTurn();
    environment.write(AREA, key('a'), key('new'));
    disk.held[0]?.flush();
    await reactions();
    expect(Buffer.from(environment.get(AREA, key('a')) ?? []).toString()).to.equal('new');
    clock.endTurn();
    disk.held[1]?.flush();
    await reactions();
    expect(environment.get(AREA, key('a'))).to.equal(undefined);
  });

  it('flushed resolves at once when nothing is under way', async () => {
    expect(await environment.flushed(1)).to.equal(1);
  });

  it('E4: a rejected transaction rejects every turn, tells once, and refuses everything', async () => {
    write('a');
    clock.endTurn();
    write('b');
    clock.endTurn();
    write('c');
    disk.held[0]?.reject(new Error('disk on fire'));
    await reactions();
    expect(outcomes).to.deep.equal(['a E_IO', 'b E_IO', 'c E_IO']);
    disk.held[1]?.reject(new Error('again'));
    disk.held[0]?.flush();
    clock.endTurn();
    await reactions();
    expect(failures.map(({ code }) => code)).to.deep.equal(['E_IO']);
    expect(disk.held).to.have.length(2);
    expect(() => environment.get(AREA, key('a')))
      .to.throw()
      .with.property('code', 'E_IO');
    expect(() => environment.write(AREA, key('a'), undefined))
      .to.throw()
      .with.property('code', 'E_IO');
    expect(clock.timers).to.equal(0);
  });

  it('E4: a transaction that the disk never answers is a failure after COMMIT_WATCHDOG_MS', async () => {
    write('a');
    clock.endTurn();
    for (let look = 1; look < COMMIT_WATCHDOG_LOOKS; look += 1) clock.advance(LOOK_MS);
    clock.advance(LOOK_MS - 1);
    expect(failures).to.have.length(0);
    clock.advance(1);
    await reactions();
    expect(failures).to.have.length(1);
    expect(outcomes).to.deep.equal(['a E_IO']);
  });

  it('E4: time in which the whole process stood still is not held against the disk', async () => {
    write('a');
    clock.endTurn();
    clock.advance(10 * COMMIT_WATCHDOG_MS);
    await reactions();
    expect(failures).to.have.length(0);
    disk.held[0]?.commit();
    disk.held[0]?.flush();
    await reactions();
    expect(outcomes).to.deep.equal(['a']);
    expect(clock.timers).to.equal(0);
  });

  it('E4: a read that fails is a failure too', () => {
    disk.readError = new Error('bad page');
    expect(() => environment.get(AREA, key('a')))
      .to.throw()
      .with.property('code', 'E_IO');
    expect(() =>
      environment.range({ area: AREA, from: key(''), to: undefined }, { limit: 1 }),
    ).to.throw();
    expect(failures).to.have.length(1);
  });

  it('close waits for the disk, then closes it', async () => {
    write('a');
    const closing = environment.close();
    expect(() => environment.write(AREA, key('b'), undefined))
      .to.throw()
      .with.property('code', 'E_IO');
    clock.endTurn();
    await reactions();
    expect(disk.closed).to.equal(false);
    disk.held[0]?.flush();
    await closing;
    expect(disk.closed).to.equal(true);
    expect(outcomes).to.deep.equal(['a']);
    expect(failures).to.have.length(0);
  });

  it('close does not touch a disk that has failed, before or meanwhile', async () => {
    write('a');
    const closing = environment.close();
    clock.endTurn();
    disk.held[0]?.reject(new Error('disk on fire'));
    await closing;
    await environment.close();
    expect(disk.closed).to.equal(false);
    expect(failures).to.have.length(1);
  });

  it('S6: a failed transaction ends the shard store above it', async () => {
    const opening = openShardStore({
      environment,
      clock,
      limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
      space: () => ({ freeBytes: 1, totalBytes: 1 }),
    });
    const store = await opening;
    const shard = parseShardId(1);
    const codes: string[] = [];
    const note = (outcome: Promise<unknown>): void =>
      void outcome.catch((error: FastChatError) => codes.push(error.code));
    note(store.commit(shard, 1, []));
    clock.endTurn();
    disk.held[0]?.reject(new Error('disk on fire'));
    await reactions();
    note(store.commit(shard, 1, []));
    note(store.fence(shard, 9));
    note(store.flushed());
    note(store.putMeta('map', key('x')));
    await reactions();
    expect(codes).to.deep.equal(['E_IO', 'E_IO', 'E_IO', 'E_IO', 'E_IO']);
    expect(() => store.head(shard))
      .to.throw()
      .with.property('code', 'E_IO');
    expect(() => store.get(shard, key('a')))
      .to.throw()
      .with.property('code', 'E_IO');
    expect(failures).to.have.length(1);
    await store.close();
  });
});

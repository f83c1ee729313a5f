import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { FreeSpaceWatch, diskFreeSpace } from '../../../src/persist/free-space.ts';
import type { DiskSpace } from '../../../src/persist/free-space.ts';
import {
  FREE_SPACE_CHECK_BYTES,
  FREE_SPACE_CHECK_INTERVAL_MS,
} from '../../../src/protocol/limits.ts';
import { ManualClock } from './manual-disk.ts';

describe('FreeSpaceWatch', () => {
  let clock: ManualClock;
  let space: DiskSpace | Error;
  const start = (): FreeSpaceWatch =>
    new FreeSpaceWatch({
      clock,
      limits: { freeSpaceBytes: 100, freeSpaceRatio: 0.02 },
      space: () => {
        if (space instanceof Error) throw space;
        return space;
      },
    });

  beforeEach(() => {
    clock = new ManualClock();
    space = { freeBytes: 100, totalBytes: 5000 };
  });

  it('is full below either mark, and not at it', () => {
    expect(start().isFull(0)).to.equal(false);
    space = { freeBytes: 99, totalBytes: 100 };
    expect(start().isFull(0)).to.equal(true);
    space = { freeBytes: 101, totalBytes: 5051 };
    expect(start().isFull(0)).to.equal(true);
  });

  it('looks again every second, in both directions', () => {
    const watch = start();
    for (const [freeBytes, full] of [
      [50, true],
      [200, false],
    ] as const) {
      space = { freeBytes, totalBytes: 5000 };
      clock.advance(FREE_SPACE_CHECK_INTERVAL_MS);
      expect(watch.isFull(0)).to.equal(full);
      expect(watch.freeBytes).to.equal(freeBytes);
    }
    watch.stop();
    expect(clock.timers).to.equal(0);
  });

  it('looks again after every FREE_SPACE_CHECK_BYTES written', () => {
    const watch = start();
    space = { freeBytes: 0, totalBytes: 5000 };
    expect(watch.isFull(FREE_SPACE_CHECK_BYTES - 1)).to.equal(false);
    expect(watch.isFull(FREE_SPACE_CHECK_BYTES)).to.equal(true);
  });

  it('takes a disk that cannot answer for a full one', () => {
    space = new Error('no such disk');
    expect(start().isFull(0)).to.equal(true);
  });

  it('asks the machine', () => {
    const { freeBytes, totalBytes } = diskFreeSpace(tmpdir());
    expect(totalBytes).to.be.greaterThanOrEqual(freeBytes);
    expect(freeBytes).to.be.greaterThan(0);
  });
});

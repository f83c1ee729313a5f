/** The free-space mark: below it new writes are refused long before the disk is full, because a full disk ends the store. */
import { statfsSync } from 'node:fs';
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { FREE_SPACE_CHECK_BYTES, FREE_SPACE_CHECK_INTERVAL_MS } from '../protocol/limits.ts';
import type { Limits } from '../protocol/limits.ts';

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Asks for the space of the disk that holds `directory`. May throw. */
export type FreeSpace = (directory: string) => DiskSpace;

/** The machine's answer, for a process without special rights. */
export const diskFreeSpace: FreeSpace = (directory) => {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
};

export type SpaceLimits = Pick<Limits, 'freeSpaceBytes' | 'freeSpaceRatio'>;

export interface FreeSpaceWatchOptions {
  readonly clock: Clock;
  readonly limits: SpaceLimits;
  readonly space: () => DiskSpace;
}

/** Looks every second and after every FREE_SPACE_CHECK_BYTES written. */
export class FreeSpaceWatch {
  readonly #limits: SpaceLimits;
  readonly #space: () => DiskSpace;
  readonly #timer: Timer;
  #freeBytes = 0;
  #full = false;
  #checkedAtBytes = 0;

  constructor({ clock, limits, space }: FreeSpaceWatchOptions) {
    this.#limits = limits;
    this.#space = space;
    this.#check();
    this.#timer = every(clock, FREE_SPACE_CHECK_INTERVAL_MS, () => this.#check());
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Whether new writes are to be refused, given how much was written in all. */
  isFull(bytesWritten: number): boolean {
    if (bytesWritten - this.#checkedAtBytes >= FREE_SPACE_CHECK_BYTES) {
      this.#checkedAtBytes = bytesWritten;
      this.#check();
    }
    return this.#full;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #check(): void {
    try {
      const { freeBytes, totalBytes } = this.#space();
      const { freeSpaceBytes, freeSpaceRatio } = this.#limits;
      this.#freeBytes = freeBytes;
      this.#full = freeBytes < freeSpaceBytes || freeBytes < totalBytes * freeSpaceRatio;
    } catch {
      // A disk that cannot say how full it is gets nothing new until it can.
      this.#freeBytes = 0;
      this.#full = true;
    }
  }
}

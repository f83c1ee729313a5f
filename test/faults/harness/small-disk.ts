/** A disk of its own for a node's data, small enough to fill: tmpfs, so only for root. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atExit } from './last-resort.ts';

const BALLAST = 'ballast';
const CHUNK_BYTES = 1 << 20;

/** Mounts a disk of `bytes` at `path`; answers how to take it away. */
export function mountSmallDisk(path: string, bytes: number): () => void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'fastchat-faults', path]);
  const forget = atExit(() => void execFileSync('umount', ['-l', path]));
  return () => {
    forget();
    execFileSync('umount', ['-l', path]);
  };
}

/** Fills the disk until no more than `leftBytes` are free; others may be faster than we are with the last of it. */
export function fillDisk(path: string, leftBytes: number): void {
  const { bavail, bsize } = statfsSync(path);
  const bytes = Math.max(0, bavail * bsize - leftBytes);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const write = (count: number): void =>
    writeFileSync(join(path, BALLAST), chunk.subarray(0, count), { flag: 'a' });
  try {
    for (let left = bytes; left > 0; left -= CHUNK_BYTES) write(Math.min(CHUNK_BYTES, left));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
  }
}

export function makeRoom(path: string): void {
  rmSync(join(path, BALLAST), { force: true });
}

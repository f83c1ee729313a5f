/** A wall clock that can be moved for one process: libfaketime, which reads the offset from a file. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
];

const library = LIBRARIES.find((path) => existsSync(path));

/** Why no clock can be moved here; undefined: one can. */
export function fakeClockLack(): string | undefined {
  return library === undefined ? 'moving a clock needs libfaketime' : undefined;
}

function offsetFile(folder: string, node: string): string {
  return join(folder, `${node}.clock`);
}

/** For every life of a node: its wall clock reads the file, its monotonic clock stays. */
export function fakeClockEnv(node: string, folder: string): Readonly<Record<string, string>> {
  moveClock(folder, node, 0);
  return {
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: offsetFile(folder, node),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
  };
}

export function moveClock(folder: string, node: string, seconds: number): void {
  writeFileSync(offsetFile(folder, node), `${seconds < 0 ? '' : '+'}${seconds}\n`);
}

/** The files of the write-ahead log of a store, beside its data file. Writes are durable when they return (O_DSYNC). */
import {
  close,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  write,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FastChatError, invariant } from '../protocol/errors.ts';
import { refused } from './write-ahead-log.ts';
import type { LogFile } from './write-ahead-log.ts';

const writeAt = promisify(write);
const NAMES = ['log.0', 'log.1'] as const;

/** Opens both files of the log in `directory`; only with `mayMake` may they be missing. @throws E_IO */
export function openLogFiles(directory: string, mayMake: boolean): readonly [LogFile, LogFile] {
  // Without it every write would be acknowledged before it is durable.
  invariant(typeof constants.O_DSYNC === 'number', 'the system writes durably (O_DSYNC)');
  const [first, second] = [join(directory, NAMES[0]), join(directory, NAMES[1])];
  for (const path of [first, second])
    if (!mayMake && !existsSync(path)) throw refused(path, 'is missing');
  try {
    const files = [openLogFile(first), openLogFile(second)] as const;
    if (mayMake) syncDirectory(directory);
    return files;
  } catch (cause) {
    throw new FastChatError('E_IO', `cannot open the log of the store in ${directory}`, { cause });
  }
}

function openLogFile(path: string): LogFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
  // What an earlier process wrote and did not see flushed is durable before it counts.
  fsyncSync(file);
  return {
    path,
    size: fstatSync(file).size,
    read: () => readFileSync(path),
    write: (bytes, position) => writeAll(file, bytes, position),
    close: () => promisify(close)(file),
  };
}

/** One call writes all of it, except on a disk that is about to be full. */
async function writeAll(file: number, bytes: Uint8Array, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.length - done;
      done += (await writeAt(file, bytes, done, rest, position + done)).bytesWritten;
    }
  } catch (cause) {
    throw new FastChatError('E_IO', 'the log of the store failed', { cause });
  }
}

/** Makes the names of new files survive a power failure. */
function syncDirectory(directory: string): void {
  const folder = openSync(directory, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** Checks a store's files before lmdb maps them into memory, where a page that is not there kills the process (SIGBUS). */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { FastChatError } from '../protocol/errors.ts';
import { checkDataFile } from './lmdb-file.ts';

const DATA_FILE = 'data.mdb';
const FORMAT_FILE = 'FORMAT';
/**
 * What the format file says. A number grows when what the store writes can no longer be read by older programs: one that
 * knows of no log would not see what is only there.
 */
const FORMATS = { plain: 'fastchat-store 1\n', logged: 'fastchat-store 2\n' } as const;
export type StoreFormat = keyof typeof FORMATS;
/** Formats that a store is opened from: a plain one becomes a logged one. */
const OPENED: { readonly [F in StoreFormat]: readonly string[] } = {
  plain: [FORMATS.plain],
  logged: [FORMATS.plain, FORMATS.logged],
};

/** @throws E_VERSION (another format), E_IO (the data file is gone, cut off or not a store's) */
export function checkStoreFiles(directory: string, format: StoreFormat): void {
  const dataPath = join(directory, DATA_FILE);
  const formatPath = join(directory, FORMAT_FILE);
  const dataBytes = existsSync(dataPath) ? statSync(dataPath).size : 0;
  if (existsSync(formatPath)) {
    if (!OPENED[format].includes(readFileSync(formatPath, 'utf8')))
      throw new FastChatError(
        'E_VERSION',
        `${directory} was written by another version of FastChat`,
      );
    // Starting empty here would silently forget everything that was acknowledged.
    if (dataBytes === 0) throw new FastChatError('E_IO', `${dataPath} is missing or empty`);
  }
  if (dataBytes > 0) checkDataFile(dataPath, dataBytes);
}

/** Size of the store's data file. */
export function storeFileBytes(directory: string): number {
  return statSync(join(directory, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0;
}

/** Notes that the store exists and in which format. Survives a power failure at any moment. */
export function markStoreFormat(directory: string, format: StoreFormat): void {
  const path = join(directory, FORMAT_FILE);
  if (existsSync(path) && readFileSync(path, 'utf8') === FORMATS[format]) return;
  const draft = `${path}.new`;
  const file = openSync(draft, 'w', 0o600);
  writeSync(file, FORMATS[format]);
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
}

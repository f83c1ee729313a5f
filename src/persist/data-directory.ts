/**
 * One process at a time owns a data directory. Node has no flock, so ownership is a numbered lock file that names its
 * owner. The file appears complete (made elsewhere, then linked) and the link fails when the number is taken.
 *
 * A dead owner's lock is never replaced but outnumbered: of all who see lock 3 dead, one can make lock 4. Whoever made a
 * lock looks again, and gives it up when another live one is there; so two owners are impossible, and two starters that
 * meet in a freshly left directory may at worst both be refused.
 * Not for network file systems, nor for two containers that cannot see each other's processes.
 */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../ops/random.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import { isAlive, thisProcess } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

const LOCK_PATTERN = /^lock\.([1-9][0-9]{0,14})$/;
/** Starters that outnumber each other for ever would mean a bug here. */
const ATTEMPTS_MAX = 16;

export interface DataDirectoryOptions {
  /** Made with mode 0700 when missing. */
  readonly path: string;
  readonly random: Random;
  /** What a second process is told. */
  readonly inUse?: Extract<ErrorCode, 'E_DATA_IN_USE' | 'E_HOME_IN_USE'>;
}

export interface DataDirectory {
  readonly path: string;
  /** Gives the directory up. A killed process gives it up by dying. */
  release(): void;
}

interface Lock {
  readonly number: number;
  readonly path: string;
  /** Undefined when the file is gone or unreadable: whoever wrote it is not alive to care. */
  readonly owner: ProcessIdentity | undefined;
}

/** Takes the directory for this process. @throws E_DATA_IN_USE (or `inUse`) naming the owner's process id, E_IO */
export function openDataDirectory(options: DataDirectoryOptions): DataDirectory {
  const { path } = options;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const lock = acquire(options);
    return { path, release: () => rmSync(lock, { force: true }) };
  } catch (cause) {
    if (cause instanceof FastChatError) throw cause;
    throw new FastChatError('E_IO', `cannot use the directory ${path}`, { cause });
  }
}

function acquire(options: DataDirectoryOptions): string {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const locks = readLocks(options.path);
    refuseWhenOwned(locks, options);
    const number = Math.max(0, ...locks.map((lock) => lock.number)) + 1;
    const mine = join(options.path, `lock.${number}`);
    if (!createLock(mine, options)) continue;
    const others = readLocks(options.path).filter((lock) => lock.path !== mine);
    if (others.some(isHeld)) {
      rmSync(mine, { force: true });
      continue;
    }
    for (const dead of others) if (dead.number < number) rmSync(dead.path, { force: true });
    return mine;
  }
  throw new FastChatError('E_IO', `cannot lock ${options.path}: other processes keep trying`);
}

function refuseWhenOwned(
  locks: readonly Lock[],
  { path, inUse = 'E_DATA_IN_USE' }: DataDirectoryOptions,
): void {
  const owner = locks.find(isHeld)?.owner;
  if (owner !== undefined)
    throw new FastChatError(inUse, `${path} is in use by the process with id ${owner.pid}`);
}

function isHeld({ owner }: Lock): boolean {
  return owner !== undefined && isAlive(owner);
}

/** @returns false when somebody else has just made this lock */
function createLock(path: string, { random }: DataDirectoryOptions): boolean {
  const draft = `${path}.${Buffer.from(random.bytes(8)).toString('hex')}.new`;
  writeFileSync(draft, JSON.stringify(thisProcess()), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readLocks(directory: string): Lock[] {
  const locks: Lock[] = [];
  for (const name of readdirSync(directory)) {
    const number = LOCK_PATTERN.exec(name)?.[1];
    const path = join(directory, name);
    if (number !== undefined) locks.push({ number: Number(number), path, owner: readOwner(path) });
  }
  return locks;
}

function readOwner(path: string): ProcessIdentity | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessIdentity>;
    const { pid, bootId, startedAt } = owner;
    if (typeof pid !== 'number' || typeof bootId !== 'string' || typeof startedAt !== 'string')
      return undefined;
    return { pid, bootId, startedAt };
  } catch {
    return undefined;
  }
}

/**
 * Reads just enough of lmdb's file format (version 2, little-endian) to tell a data file that was cut off from a whole one.
 * A short file can be legal: pages at its end may be free and never written. So only a short file is walked, from the roots
 * down, to see whether a page in use lies beyond its end.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { FastChatError } from '../protocol/errors.ts';

const MAGIC = 0xbeefc0de;
const PAGE_HEADER_BYTES = 24;
const FLAGS_OFFSET = 18;
/** Twice the number of nodes in a branch or leaf page; the number of pages of a long value. */
const COUNT_OFFSET = 20;
const META_BYTES = 144;
const PAGE_FLAG = { branch: 1, leaf: 2, overflow: 4, meta: 8 };
const NODE_BIG_DATA = 1;
const NODE_HEADER_BYTES = 8;
/** lmdb's "no page": an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

interface Meta {
  readonly pageBytes: number;
  readonly roots: readonly bigint[];
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly bootId: bigint;
}

/** @throws E_IO when the file is not lmdb's or pages in use are missing */
export function checkDataFile(path: string, fileBytes: number): void {
  const file = openSync(path, 'r');
  try {
    const meta = currentMeta(file);
    const pages = meta === undefined ? 0 : Math.floor(fileBytes / meta.pageBytes);
    const whole =
      meta !== undefined && (pages > meta.lastPage || allPagesPresent(file, meta, pages));
    if (!whole)
      throw new FastChatError('E_IO', `${path} is damaged: cut off, or not a store's data file`);
  } finally {
    closeSync(file);
  }
}

/** The snapshot that lmdb will open: the latest one, or after a crash of the machine the last flushed one. */
function currentMeta(file: number): Meta | undefined {
  const first = readMeta(file, 0);
  if (first === undefined) return undefined;
  const second = readMeta(file, first.pageBytes);
  const flushed = readMeta(file, first.pageBytes / 2);
  if (second === undefined || flushed === undefined) return undefined;
  const boot = machineBootId();
  const pick = (a: Meta, b: Meta): Meta => {
    if (b.transaction === 0n) return a;
    const [older, latest] = a.transaction >= b.transaction ? [b, a] : [a, b];
    return latest.bootId === boot ? latest : older;
  };
  return pick(pick(first, second), flushed);
}

function readMeta(file: number, offset: number): Meta | undefined {
  const page = Buffer.alloc(PAGE_HEADER_BYTES + META_BYTES);
  if (readSync(file, page, 0, page.length, offset) !== page.length) return undefined;
  if (offset === 0 && !isMetaPage(page)) return undefined;
  const meta = page.subarray(PAGE_HEADER_BYTES);
  return {
    pageBytes: meta.readUInt32LE(24),
    roots: [meta.readBigUInt64LE(64), meta.readBigUInt64LE(112)],
    lastPage: Number(meta.readBigUInt64LE(120)),
    transaction: meta.readBigUInt64LE(128),
    bootId: meta.readBigInt64LE(136),
  };
}

function isMetaPage(page: Buffer): boolean {
  const pageBytes = page.readUInt32LE(PAGE_HEADER_BYTES + 24);
  return (
    (page.readUInt16LE(FLAGS_OFFSET) & PAGE_FLAG.meta) !== 0 &&
    page.readUInt32LE(PAGE_HEADER_BYTES) === MAGIC &&
    pageBytes >= 512 &&
    pageBytes <= 65_536
  );
}

/** lmdb's notion of it: the first group of hexadecimal digits. */
function machineBootId(): bigint {
  try {
    const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    return BigInt(Number.parseInt(text, 16));
  } catch {
    return 0n;
  }
}

function allPagesPresent(file: number, meta: Meta, pages: number): boolean {
  const page = Buffer.alloc(meta.pageBytes);
  const waiting = meta.roots.filter((root) => root !== NO_PAGE);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next >= BigInt(pages)) return false;
    readSync(file, page, 0, page.length, Number(next) * meta.pageBytes);
    // A page that does not know its own number was never written.
    if (page.readBigUInt64LE(0) !== next) return false;
    const flags = page.readUInt16LE(FLAGS_OFFSET);
    if ((flags & PAGE_FLAG.overflow) !== 0) {
      const last = Number(next) + page.readUInt32LE(COUNT_OFFSET) - 1;
      if (last >= pages) return false;
    } else waiting.push(...pagesBelow(page, flags));
  }
  return true;
}

/** The pages that a branch page leads to, and the first page of each long value of a leaf page. */
function pagesBelow(page: Buffer, flags: number): bigint[] {
  const count = page.readUInt16LE(COUNT_OFFSET) >> 1;
  const below: bigint[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = PAGE_HEADER_BYTES + page.readUInt16LE(PAGE_HEADER_BYTES + 2 * index);
    if ((flags & PAGE_FLAG.branch) !== 0) below.push(BigInt(page.readUIntLE(node, 6)));
    else if ((page.readUInt16LE(node + 4) & NODE_BIG_DATA) !== 0)
      below.push(page.readBigUInt64LE(node + NODE_HEADER_BYTES + page.readUInt16LE(node + 6)));
  }
  return below;
}

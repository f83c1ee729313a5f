/** The two disks that the shard store and the client's store run on, behind one handle for their contract suites. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/ops/clock.ts';
import { parseShardId } from '../../src/protocol/ids.ts';
import type { ShardId } from '../../src/protocol/ids.ts';
import type { ClientKv } from '../../src/persist/client-kv.ts';
import { openLmdbClientKv } from '../../src/persist/lmdb-client-kv.ts';
import { openLmdbShardStore } from '../../src/persist/lmdb-shard-store.ts';
import { createMemoryClientKv } from '../../src/persist/memory-client-kv.ts';
import { MemoryDisk } from '../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../src/persist/memory-shard-store.ts';
import type { ShardStore, Write } from '../../src/persist/shard-store.ts';

/** A place for one store after the other. */
export interface StoreWorld {
  /** Below 1,000 free bytes of 10,000 the store is full. */
  setFreeBytes(bytes: number): void;
  /** What the stores opened from now on ask for their journal floor. */
  journalFloor: (shard: ShardId) => number | undefined;
  openShardStore(): Promise<ShardStore>;
  openClientKv(): Promise<ClientKv>;
  /** Ends the open store: the simulated disk crashes, the real one is closed (another suite kills processes). */
  crash(): Promise<void>;
  end(): Promise<void>;
}

const LIMITS = { freeSpaceBytes: 1000, freeSpaceRatio: 0.01 };
const NO_FLOOR = (): undefined => undefined;

export function memoryWorld(): StoreWorld {
  const disk = new MemoryDisk();
  const options = { clock: systemClock, disk, flushDelayMs: () => 0 };
  const world: StoreWorld = {
    journalFloor: NO_FLOOR,
    setFreeBytes(freeBytes) {
      disk.space = { freeBytes, totalBytes: 10_000 };
    },
    openShardStore: () =>
      createMemoryShardStore({
        ...options,
        limits: LIMITS,
        journalFloor: (shard) => world.journalFloor(shard),
      }),
    openClientKv: () => Promise.resolve(createMemoryClientKv(options)),
    crash: () => Promise.resolve(disk.crash()),
    end: () => Promise.resolve(disk.crash()),
  };
  return world;
}

export function lmdbWorld(): StoreWorld {
  const root = mkdtempSync(join(tmpdir(), 'fastchat-store-'));
  const options = { directory: join(root, 'store'), clock: systemClock, onFailure: fail };
  let freeBytes = 5000;
  let closing: () => Promise<void> = () => Promise.resolve();
  const opened = <S extends { close(): Promise<void> }>(store: S): S => {
    closing = () => store.close();
    return store;
  };
  const world: StoreWorld = {
    journalFloor: NO_FLOOR,
    setFreeBytes(bytes) {
      freeBytes = bytes;
    },
    openShardStore: async () =>
      opened(
        await openLmdbShardStore({
          ...options,
          limits: LIMITS,
          freeSpace: () => ({ freeBytes, totalBytes: 10_000 }),
          journalFloor: (shard) => world.journalFloor(shard),
        }),
      ),
    openClientKv: () => Promise.resolve(opened(openLmdbClientKv(options))),
    crash: () => closing(),
    async end() {
      await closing();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return world;
}

export const WORLDS = { memory: memoryWorld, lmdb: lmdbWorld };

function fail(error: Error): void {
  throw error;
}

export const SHARD = parseShardId(7);
export const OTHER_SHARD = parseShardId(8);

/** Text as a key or value. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value);
}

/** Writes from `{ key: value }`; undefined removes. */
export function writesOf(values: Readonly<Record<string, string | undefined>>) {
  return Object.entries(values).map(([key, value]) => ({
    key: bytes(key),
    value: value === undefined ? undefined : bytes(value),
  }));
}

/** Everything in a shard, in key order. */
export function contentOf(store: ShardStore, shard: ShardId = SHARD): Array<[string, string]> {
  const content: Array<[string, string]> = [];
  let from: Uint8Array | undefined = undefined;
  do {
    const page = store.snapshotPage(shard, from, 100);
    for (const { key, value } of page.writes) content.push([text(key) ?? '', text(value) ?? '']);
    from = page.next;
  } while (from !== undefined);
  return content;
}

/** The code that a promise is refused with; the text `resolved` when it is not. */
export async function codeOf(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
    return 'resolved';
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}

/** Appends after whatever commit is before `seq` here; resolves when flushed. */
export async function append(
  store: ShardStore,
  {
    epoch,
    seq,
    before,
  }: { readonly epoch: number; readonly seq: number; readonly before?: number },
  writes: readonly Write[],
): Promise<void> {
  const known = before ?? store.epochAt(SHARD, seq - 1) ?? 0;
  store.append(SHARD, { epoch, seq, before: known }, writes);
  await store.flushed();
}

/**
 * Drains and fills mailboxes as fast as the disk takes it, through the real store: the load under which lmdb has corrupted
 * its free list (values of several pages, put and removed in one transaction). Then checks every value, after a restart too.
 * Run it for minutes after every change of the lmdb version: `npm run soak:lmdb -- --seconds 180`.
 * Prints one JSON line per part. Exit 1 when anything is wrong, with the seed to repeat it.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/ops/clock.ts';
import { seededRandom } from '../src/ops/random.ts';
import type { Random } from '../src/ops/random.ts';
import { chunkCount, chunkWrites, readChunks } from '../src/persist/chunks.ts';
import { storeKey } from '../src/persist/keys.ts';
import { openLmdbShardStore } from '../src/persist/lmdb-shard-store.ts';
import type { ShardStore, StoreKey } from '../src/persist/shard-store.ts';
import { parseShardId } from '../src/protocol/ids.ts';
import type { ShardId } from '../src/protocol/ids.ts';

const MAILBOXES = 2000;
const SHARDS = 16;
const PUTS_PER_TURN = 300;
const REMOVES_PER_TURN_MAX = 480;
const LONG_VALUE_SHARE = 0.02;
const LONG_VALUE_BYTES_MAX = 60_000;
const SHORT_VALUE_BYTES_MAX = 1000;
/** Removed in the turn of its put: what an online recipient does to the mailbox. */
const SAME_TURN_SHARE = 0.2;
const THROUGHPUT_SECONDS = 3;
const THROUGHPUT_COMMITS_PER_TURN = 100;
const THROUGHPUT_VALUE_BYTES = 300;

interface Entry {
  readonly mailbox: number;
  readonly seq: number;
  readonly bytes: number;
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});

function shardOf(mailbox: number): ShardId {
  return parseShardId(mailbox % SHARDS);
}

function keyOf({ mailbox, seq }: Entry): StoreKey {
  return storeKey('m', mailbox, seq);
}

function open(directory: string): Promise<ShardStore> {
  return openLmdbShardStore({
    directory,
    clock: systemClock,
    limits: { freeSpaceBytes: 0, freeSpaceRatio: 0 },
    onFailure(error) {
      console.error('the store failed', error, error.cause);
      process.exitCode = 1;
    },
  });
}

/** The soak's entries, newest last, and the commits that put and remove them. */
class Soak {
  readonly entries: Entry[] = [];
  commits = 0;
  readonly #store: ShardStore;
  readonly #random: Random;
  #lastSeq = 0;

  constructor(store: ShardStore, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  async turn(): Promise<void> {
    const commits: Promise<number>[] = [];
    for (let put = 0; put < PUTS_PER_TURN; put += 1) {
      const entry = this.#newEntry();
      commits.push(this.#put(entry));
      if (this.#random.fraction() < SAME_TURN_SHARE) commits.push(this.#remove(entry));
      else this.entries.push(entry);
    }
    for (
      let left = this.#below(REMOVES_PER_TURN_MAX);
      left > 0 && this.entries.length > 0;
      left -= 1
    ) {
      const [entry] = this.entries.splice(this.#below(this.entries.length), 1);
      if (entry !== undefined) commits.push(this.#remove(entry));
    }
    await Promise.all(commits);
    this.commits += commits.length;
  }

  #newEntry(): Entry {
    const isLong = this.#random.fraction() < LONG_VALUE_SHARE;
    const bytes = this.#below(isLong ? LONG_VALUE_BYTES_MAX : SHORT_VALUE_BYTES_MAX);
    return { mailbox: this.#below(MAILBOXES), seq: (this.#lastSeq += 1), bytes };
  }

  #put(entry: Entry): Promise<number> {
    const value = new Uint8Array(entry.bytes).fill(entry.seq);
    return this.#store.commit(shardOf(entry.mailbox), 1, chunkWrites(keyOf(entry), value, 0));
  }

  #remove(entry: Entry): Promise<number> {
    const parts = chunkCount(new Uint8Array(entry.bytes));
    return this.#store.commit(
      shardOf(entry.mailbox),
      1,
      chunkWrites(keyOf(entry), undefined, parts),
    );
  }

  #below(bound: number): number {
    return Math.floor(this.#random.fraction() * bound);
  }
}

function countWrong(store: ShardStore, entries: readonly Entry[]): number {
  let wrong = 0;
  for (const entry of entries) {
    const value = readChunks(store, shardOf(entry.mailbox), keyOf(entry));
    const isRight =
      value?.length === entry.bytes && value.every((byte) => byte === (entry.seq & 0xff));
    if (!isRight) wrong += 1;
  }
  return wrong;
}

function countKeys(store: ShardStore): number {
  let count = 0;
  for (const shard of store.shards()) {
    let from: StoreKey | undefined;
    do {
      const page = store.snapshotPage(shard, from, 500);
      count += page.writes.length;
      from = page.next;
    } while (from !== undefined);
  }
  return count;
}

async function soak(directory: string, seconds: number, seed: number): Promise<void> {
  const store = await open(directory);
  const run = new Soak(store, seededRandom(seed));
  const startedMs = systemClock.mono();
  while (systemClock.mono() - startedMs < seconds * 1000) await run.turn();
  const elapsedSeconds = (systemClock.mono() - startedMs) / 1000;
  await store.close();
  const again = await open(directory);
  const wrong = countWrong(again, run.entries);
  const parts = run.entries.reduce((sum, { bytes }) => sum + chunkCount(new Uint8Array(bytes)), 0);
  const surplus = countKeys(again) - parts;
  await again.close();
  if (wrong > 0 || surplus !== 0) process.exitCode = 1;
  const fileMiB = Math.round(statSync(join(directory, 'data.mdb')).size / 2 ** 20);
  const commitsPerSecond = Math.round(run.commits / elapsedSeconds);
  const result = {
    seed,
    seconds,
    commits: run.commits,
    commitsPerSecond,
    entries: run.entries.length,
  };
  console.log(JSON.stringify({ part: 'soak', ...result, wrong, surplus, fileMiB }));
}

async function throughput(directory: string): Promise<void> {
  const store = await open(directory);
  const value = new Uint8Array(THROUGHPUT_VALUE_BYTES);
  const startedMs = systemClock.mono();
  let commits = 0;
  while (systemClock.mono() - startedMs < THROUGHPUT_SECONDS * 1000) {
    const turn: Promise<number>[] = [];
    for (let index = 0; index < THROUGHPUT_COMMITS_PER_TURN; index += 1) {
      const user = (commits + index) % MAILBOXES;
      turn.push(
        store.commit(shardOf(user), 1, [
          { key: storeKey('u', user, 1, commits + index), value },
          { key: storeKey('u', user, 2), value },
          { key: storeKey('u', user, 3, index), value },
        ]),
      );
    }
    await Promise.all(turn);
    commits += turn.length;
  }
  const elapsedSeconds = (systemClock.mono() - startedMs) / 1000;
  const { flushes, flushMs } = store.stats();
  await store.close();
  const commitsPerSecond = Math.round(commits / elapsedSeconds);
  console.log(JSON.stringify({ part: 'throughput', commits, commitsPerSecond, flushes, flushMs }));
}

const root = mkdtempSync(join(tmpdir(), 'fastchat-soak-'));
try {
  await throughput(join(root, 'throughput'));
  await soak(join(root, 'soak'), Number(values.seconds), Number(values.seed));
} finally {
  rmSync(root, { recursive: true, force: true });
}

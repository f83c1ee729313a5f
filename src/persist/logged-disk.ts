/**
 * A disk behind a write-ahead log. A turn is `flushed` when the log has it, which is one short write in sequence; many turns
 * together become one transaction of the disk itself later, and only then are they `committed`, that is, seen by reads of the
 * disk (the environment's overlay shows them until then).
 *
 * L1  Turns reach the disk in order; a transaction also says up to which turn, so a crash finds out what it must apply again.
 * L2  The log's space is given back only after that transaction is flushed.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { FastChatError } from '../protocol/errors.ts';
import {
  STORE_APPLY_DELAY_MS,
  STORE_APPLY_WRITES,
  STORE_UNAPPLIED_WRITES_MAX,
} from '../protocol/limits.ts';
import { diskFailure, watchDisk } from './disk-failure.ts';
import type {
  Area,
  Disk,
  DiskCommit,
  DiskWrite,
  KeyRange,
  Pair,
  RangeOptions,
} from './environment.ts';
import { GENERATION_BYTES, NUMBER_BYTES } from './log-record.ts';
import type { LoggedWrite, TurnName } from './log-record.ts';
import { LOG_MARK_AREA, keyWithinArea, physicalKey } from './physical-keys.ts';
import { checkSizes, turnsAfter, WriteAheadLog } from './write-ahead-log.ts';
import type { LogFile, LogSizes } from './write-ahead-log.ts';

export interface LoggedDiskOptions {
  readonly disk: Disk;
  /** Opens the two files of the log; only with `mayMake`, when the disk has never had one, may they be missing. */
  readonly openFiles: (mayMake: boolean) => readonly [LogFile, LogFile];
  readonly clock: Clock;
  /** Names generations, so that nobody who chooses what is stored can forge a record. */
  readonly random: Random;
  /** How long a file grows; smaller in tests. */
  readonly fileBytes?: number;
}

/** A turn that the log has and the disk has not. */
interface PendingTurn {
  readonly number: number;
  readonly writes: readonly DiskWrite[];
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** Applies what a crash left in the log, then begins a new generation of it. @throws E_IO */
export async function openLoggedDisk(options: LoggedDiskOptions): Promise<Disk> {
  const { disk, random, clock } = options;
  const { files, left } = await openLog(options);
  const generation = Buffer.from(random.bytes(GENERATION_BYTES)).readUInt32BE();
  const sizes = [files[0].size, files[1].size] as const;
  const writes = [...lastOfEach(left), markWrite({ generation, number: 0, sizes })];
  // A disk that fails here is not touched again, not even to close it.
  await flushedIn(clock, () => disk.commit(writes));
  return new LoggedDisk(options, files, generation);
}

/** Closes everything when the log is refused: nothing was written yet. @throws E_IO */
async function openLog({ disk, openFiles }: LoggedDiskOptions): Promise<{
  readonly files: readonly [LogFile, LogFile];
  readonly left: ReadonlyArray<readonly DiskWrite[]>;
}> {
  let opened: readonly LogFile[] = [];
  try {
    const applied = readMark(disk);
    const files = openFiles(applied === undefined);
    opened = files;
    return { files, left: applied === undefined ? [] : leftIn(files, applied) };
  } catch (cause) {
    for (const file of opened) await file.close();
    await disk.close();
    throw cause;
  }
}

/** The writes of the turns that a crash left in the log. @throws E_IO */
function leftIn(files: readonly LogFile[], mark: Mark): ReadonlyArray<readonly DiskWrite[]> {
  checkSizes(files, mark.sizes);
  return turnsAfter(files, mark).map(({ writes }) => writes.map(diskWrite));
}

class LoggedDisk implements Disk {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: WriteAheadLog;
  readonly #generation: number;
  #pending: PendingTurn[] = [];
  /** Writes of `#pending`, and with those that are on their way to the disk. */
  #pendingWrites = 0;
  #unapplied = 0;
  #timer: Timer | undefined;
  #applying: Promise<void> | undefined;
  #failure: FastChatError | undefined;

  constructor(
    { disk, clock, fileBytes }: LoggedDiskOptions,
    files: readonly [LogFile, LogFile],
    generation: number,
  ) {
    this.#disk = disk;
    this.#clock = clock;
    this.#generation = generation;
    const isHeldBack = (): boolean => this.#unapplied >= STORE_UNAPPLIED_WRITES_MAX;
    this.#log = new WriteAheadLog({ files, generation, fileBytes, isHeldBack });
  }

  get(area: Area, key: Uint8Array): Uint8Array | undefined {
    return this.#disk.get(area, key);
  }

  range(keys: KeyRange, options: RangeOptions): Iterable<Pair> {
    return this.#disk.range(keys, options);
  }

  commit(writes: readonly DiskWrite[]): DiskCommit {
    const { number, written } = this.#log.append(writes);
    const committed = new Promise<void>((resolve, reject) => {
      written.then(() => this.#add({ number, writes, resolve, reject }), reject);
    });
    return { committed, flushed: written };
  }

  /** @throws E_IO (what is in the log could not be brought to the disk) */
  async close(): Promise<void> {
    while (this.#failure === undefined && (this.#applying ?? this.#pending[0]) !== undefined)
      await (this.#applying ?? this.#apply());
    this.#timer?.cancel();
    await this.#log.close();
    if (this.#failure !== undefined) throw this.#failure;
    await this.#disk.close();
  }

  #add(turn: PendingTurn): void {
    if (this.#failure !== undefined) return turn.reject(this.#failure);
    this.#pending.push(turn);
    this.#pendingWrites += turn.writes.length;
    this.#unapplied += turn.writes.length;
    this.#applySoon();
  }

  #applySoon(): void {
    if (this.#applying !== undefined || this.#pending.length === 0) return;
    if (this.#pendingWrites >= STORE_APPLY_WRITES) void this.#apply();
    else
      this.#timer ??= this.#clock.after(STORE_APPLY_DELAY_MS, () => {
        this.#timer = undefined;
        if (this.#applying === undefined && this.#pending.length > 0) void this.#apply();
      });
  }

  /** One transaction of what waits. Never rejects: whoever waits for any turn is told. */
  #apply(): Promise<void> {
    const { turns, count } = this.#takeTurns();
    const number = turns.at(-1)?.number ?? 0;
    const writes = lastOfEach(turns.map((turn) => turn.writes));
    writes.push(markWrite({ generation: this.#generation, number, sizes: this.#log.sizes }));
    this.#applying = flushedIn(this.#clock, () => this.#disk.commit(writes)).then(
      () => {
        this.#applying = undefined;
        this.#unapplied -= count;
        for (const { resolve } of turns) resolve();
        this.#log.release(number);
        this.#applySoon();
      },
      (cause: unknown) => this.#fail(cause, turns),
    );
    return this.#applying;
  }

  /** A disk that failed is not written again; what waits stays in the log. */
  #fail(cause: unknown, turns: readonly PendingTurn[]): void {
    this.#applying = undefined;
    this.#timer?.cancel();
    this.#failure = diskFailure(cause);
    for (const { reject } of [...turns, ...this.#pending.splice(0)]) reject(this.#failure);
  }

  /** Waiting turns, oldest first, up to as many writes as one transaction takes. */
  #takeTurns(): { readonly turns: readonly PendingTurn[]; readonly count: number } {
    let taken = 0;
    let count = 0;
    while (taken < this.#pending.length && count < STORE_APPLY_WRITES)
      count += this.#pending[taken++]?.writes.length ?? 0;
    this.#pendingWrites -= count;
    return { turns: this.#pending.splice(0, taken), count };
  }
}

/** Resolves when a transaction is flushed; a disk that throws, or answers neither way, has failed. */
function flushedIn(clock: Clock, commit: () => DiskCommit): Promise<void> {
  return new Promise((resolve, reject) => {
    const { committed, flushed } = commit();
    const watch = watchDisk(clock, reject);
    Promise.all([committed, flushed])
      .finally(() => watch.cancel())
      .then(() => resolve(), reject);
  });
}

/** Of the writes of one key only the last: a transaction never puts and removes the same key. */
function lastOfEach(turns: ReadonlyArray<readonly DiskWrite[]>): DiskWrite[] {
  const [only, second] = turns;
  if (only !== undefined && second === undefined) return [...only];
  const areas = new Map<Area, Map<string, DiskWrite>>();
  for (const writes of turns)
    for (const write of writes) {
      let area = areas.get(write.area);
      if (area === undefined) areas.set(write.area, (area = new Map<string, DiskWrite>()));
      area.set(write.text, write);
    }
  return [...areas.values()].flatMap((area) => [...area.values()]);
}

/** Up to which turn of the log the disk has everything, and how long the log was by then. */
interface Mark extends TurnName {
  readonly sizes: LogSizes;
}

const MARK_KEY = new Uint8Array(0);
const SIZE_BYTES = 6;
const SIZES_FROM = GENERATION_BYTES + NUMBER_BYTES;

function markWrite({ generation, number, sizes: [first, second] }: Mark): DiskWrite {
  const value = Buffer.alloc(SIZES_FROM + 2 * SIZE_BYTES);
  value.writeUInt32BE(generation, 0);
  value.writeUIntBE(number, GENERATION_BYTES, NUMBER_BYTES);
  value.writeUIntBE(first, SIZES_FROM, SIZE_BYTES);
  value.writeUIntBE(second, SIZES_FROM + SIZE_BYTES, SIZE_BYTES);
  return { area: LOG_MARK_AREA, text: '', physical: physicalKey(LOG_MARK_AREA, MARK_KEY), value };
}

function readMark(disk: Disk): Mark | undefined {
  const bytes = disk.get(LOG_MARK_AREA, MARK_KEY);
  if (bytes === undefined) return undefined;
  const value = Buffer.from(bytes);
  return {
    generation: value.readUInt32BE(0),
    number: value.readUIntBE(GENERATION_BYTES, NUMBER_BYTES),
    sizes: [
      value.readUIntBE(SIZES_FROM, SIZE_BYTES),
      value.readUIntBE(SIZES_FROM + SIZE_BYTES, SIZE_BYTES),
    ],
  };
}

function diskWrite({ physical, value }: LoggedWrite): DiskWrite {
  const text = keyWithinArea(physical).toString('latin1');
  return { area: physical.readUIntBE(0, 3), text, physical, value };
}

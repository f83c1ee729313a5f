/**
 * A disk behind a write-ahead log. A turn is `flushed` when the log has it, which is one short write in sequence; many turns
 * together become one transaction of the disk itself later, and only then are they `committed`, that is, seen by reads of the
 * disk (the environment's overlay shows them until then).
 *
 * L1  Turns reach the disk in order; a transaction also says up to which turn, so a crash finds out what it must apply again.
 * L2  The log's space is given back only after that transaction is flushed.
 */
import type { Clock, Timer } from '../ops/clock.ts';
import { STORE_APPLY_DELAY_MS, STORE_APPLY_WRITES } from '../protocol/limits.ts';
import type {
  Area,
  Disk,
  DiskCommit,
  DiskWrite,
  KeyRange,
  Pair,
  RangeOptions,
} from './environment.ts';
import type { LoggedWrite, TurnName } from './log-record.ts';
import { LOG_AREA, keyWithinArea, physicalKey } from './physical-keys.ts';
import { checkSizes, turnsAfter, WriteAheadLog } from './write-ahead-log.ts';
import type { LogFile, LogSizes } from './write-ahead-log.ts';

export interface LoggedDiskOptions {
  readonly disk: Disk;
  /** Opens the two files of the log; `areNew` when the disk has never had one, otherwise both must be there. */
  readonly openFiles: (areNew: boolean) => readonly [LogFile, LogFile];
  readonly clock: Clock;
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
  const { disk } = options;
  const applied = readMark(disk);
  const files = options.openFiles(applied === undefined);
  const generation = (applied?.generation ?? 0) + 1;
  const log = new WriteAheadLog(files, generation, options.fileBytes);
  const left = applied === undefined ? [] : leftIn(files, applied);
  await disk.commit([...lastOfEach(left), markWrite({ generation, number: 0, sizes: log.sizes })])
    .flushed;
  return new LoggedDisk(options, log, generation);
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
  #last = 0;
  #pending: PendingTurn[] = [];
  #pendingWrites = 0;
  #timer: Timer | undefined;
  #applying: Promise<void> | undefined;

  constructor({ disk, clock }: LoggedDiskOptions, log: WriteAheadLog, generation: number) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
    this.#generation = generation;
  }

  get(area: Area, key: Uint8Array): Uint8Array | undefined {
    return this.#disk.get(area, key);
  }

  range(keys: KeyRange, options: RangeOptions): Iterable<Pair> {
    return this.#disk.range(keys, options);
  }

  commit(writes: readonly DiskWrite[]): DiskCommit {
    const number = (this.#last += 1);
    const flushed = this.#log.append(writes);
    const committed = new Promise<void>((resolve, reject) => {
      flushed.then(() => this.#add({ number, writes, resolve, reject }), reject);
    });
    return { committed, flushed };
  }

  async close(): Promise<void> {
    while (this.#applying !== undefined || this.#pending.length > 0)
      await (this.#applying ?? this.#apply());
    this.#timer?.cancel();
    await this.#log.close();
    await this.#disk.close();
  }

  #add(turn: PendingTurn): void {
    this.#pending.push(turn);
    this.#pendingWrites += turn.writes.length;
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

  /** One transaction of what waits. Never rejects: those who wait for the turns are told. */
  #apply(): Promise<void> {
    const turns = this.#takeTurns();
    const number = turns.at(-1)?.number ?? 0;
    const writes = lastOfEach(turns.map((turn) => turn.writes));
    writes.push(markWrite({ generation: this.#generation, number, sizes: this.#log.sizes }));
    const applying = this.#commit(writes, turns).then(
      () => {
        this.#applying = undefined;
        this.#log.release(number);
        this.#applySoon();
      },
      (cause: unknown) => {
        // A disk that failed is not written again; the turns that wait stay in the log.
        this.#pending = [];
        for (const { reject } of turns) reject(cause);
      },
    );
    this.#applying = applying;
    return applying;
  }

  async #commit(writes: readonly DiskWrite[], turns: readonly PendingTurn[]): Promise<void> {
    const { committed, flushed } = this.#disk.commit(writes);
    // When the first fails, nobody waits for the second.
    flushed.catch(() => undefined);
    await committed;
    for (const { resolve } of turns) resolve();
    await flushed;
  }

  /** Waiting turns, oldest first, up to as many writes as one transaction takes. */
  #takeTurns(): readonly PendingTurn[] {
    let count = 0;
    let writes = 0;
    while (count < this.#pending.length && writes < STORE_APPLY_WRITES)
      writes += this.#pending[count++]?.writes.length ?? 0;
    this.#pendingWrites -= writes;
    return this.#pending.splice(0, count);
  }
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
const GENERATION_BYTES = 4;
const NUMBER_BYTES = 6;
const SIZE_BYTES = 6;
const SIZES_FROM = GENERATION_BYTES + NUMBER_BYTES;

function markWrite({ generation, number, sizes: [first, second] }: Mark): DiskWrite {
  const value = Buffer.alloc(SIZES_FROM + 2 * SIZE_BYTES);
  value.writeUInt32BE(generation, 0);
  value.writeUIntBE(number, GENERATION_BYTES, NUMBER_BYTES);
  value.writeUIntBE(first, SIZES_FROM, SIZE_BYTES);
  value.writeUIntBE(second, SIZES_FROM + SIZE_BYTES, SIZE_BYTES);
  return { area: LOG_AREA, text: '', physical: physicalKey(LOG_AREA, MARK_KEY), value };
}

function readMark(disk: Disk): Mark | undefined {
  const bytes = disk.get(LOG_AREA, MARK_KEY);
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

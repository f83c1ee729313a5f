/**
 * The write-ahead log of a disk: turns become durable by being appended to a file, one short write in sequence instead of a
 * transaction all over the disk. Two files take turns; one is written over again once everything in it is `released`, so the
 * log is bounded, and an append waits when both are full.
 *
 * One write is under way at a time. Turns that come meanwhile go together as the next one: a busy log costs few writes.
 */
import { FastChatError, invariant } from '../protocol/errors.ts';
import { STORE_LOG_FILE_BYTES, STORE_LOG_GROWTH_BYTES } from '../protocol/limits.ts';
import { encodeTurn, readTurns } from './log-record.ts';
import type { LoggedTurn, LoggedWrite, TurnName } from './log-record.ts';

/** What the log needs of a file. */
export interface LogFile {
  /** How errors name it. */
  readonly path: string;
  /** Its length when it was opened. */
  readonly size: number;
  /** All that is in it, before anything is written. */
  read(): Buffer;
  /** On the disk when it resolves; extends the file where it must. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

export interface LogOptions {
  readonly files: readonly [LogFile, LogFile];
  readonly generation: number;
  /** How long a file grows; smaller in tests. */
  readonly fileBytes?: number | undefined;
  /** While it says so nothing more is written; `release` asks again. */
  readonly isHeldBack: () => boolean;
}

/** Lengths of the two files, bytes. */
export type LogSizes = readonly [number, number];

/** Where appends go, and what is still needed there. */
interface LogEnd {
  readonly file: LogFile;
  /** Where the next record goes. */
  position: number;
  /** Space set aside, so that most writes do not change the length of the file. */
  size: number;
  /** The newest turn in it. */
  last: number;
}

interface Waiting {
  readonly number: number;
  readonly record: Buffer;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

export class WriteAheadLog {
  readonly #generation: number;
  readonly #fileBytes: number;
  readonly #isHeldBack: () => boolean;
  readonly #ends: readonly [LogEnd, LogEnd];
  #front: LogEnd;
  #back: LogEnd;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #last = 0;
  #released = 0;
  #failure: unknown;

  /** Begins a generation: nothing that the files hold is needed any more. */
  constructor({ files, generation, fileBytes, isHeldBack }: LogOptions) {
    this.#generation = generation;
    this.#fileBytes = fileBytes ?? STORE_LOG_FILE_BYTES;
    this.#isHeldBack = isHeldBack;
    const [first, second] = files.map((file) => ({ file, position: 0, size: file.size, last: 0 }));
    invariant(first !== undefined && second !== undefined, 'a log has two files');
    this.#ends = [first, second];
    this.#front = first;
    this.#back = second;
  }

  /** How long the files are on the disk. */
  get sizes(): LogSizes {
    const [first, second] = this.#ends;
    return [first.size, second.size];
  }

  /** Appends a turn, which gets the next number from 1 on. `written` when it is durable; turns are so in order. */
  append(writes: readonly LoggedWrite[]): { readonly number: number; written: Promise<void> } {
    const number = (this.#last += 1);
    const record = encodeTurn({ generation: this.#generation, number }, writes);
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ number, record, resolve, reject });
      this.#writeOn();
    });
    return { number, written };
  }

  /** Turns up to `number` are safe elsewhere. */
  release(number: number): void {
    this.#released = Math.max(this.#released, number);
    this.#writeOn();
  }

  /** Nothing may be under way. */
  async close(): Promise<void> {
    for (const { file } of this.#ends) await file.close();
  }

  #writeOn(): void {
    if (this.#failure !== undefined) return this.#rejectWaiting(this.#failure);
    if (this.#isWriting || this.#waiting.length === 0) return;
    if (this.#isHeldBack() || !this.#makeRoom()) return;
    const batch = this.#takeBatch();
    this.#isWriting = true;
    this.#write(batch.map(({ record }) => record)).then(
      () => {
        this.#isWriting = false;
        this.#front.last = batch.at(-1)?.number ?? this.#front.last;
        for (const { resolve } of batch) resolve();
        this.#writeOn();
      },
      (cause: unknown) => {
        // Nothing more is written: what a failed disk has is not known.
        this.#failure = cause;
        for (const { reject } of batch) reject(cause);
        this.#rejectWaiting(cause);
      },
    );
  }

  #rejectWaiting(cause: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(cause);
  }

  /** False when the next record fits into neither file yet. */
  #makeRoom(): boolean {
    const next = this.#waiting[0]?.record.length ?? 0;
    const { position } = this.#front;
    // A record longer than a file has one for itself.
    if (position === 0 || position + next <= this.#fileBytes) return true;
    if (this.#back.last > this.#released) return false;
    [this.#front, this.#back] = [this.#back, this.#front];
    this.#front.position = 0;
    return true;
  }

  #takeBatch(): readonly Waiting[] {
    let end = this.#front.position;
    let count = 0;
    for (const { record } of this.#waiting) {
      if (count > 0 && end + record.length > this.#fileBytes) break;
      end += record.length;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(records: readonly Buffer[]): Promise<void> {
    const end = this.#front;
    const { position } = end;
    const bytes = records.reduce((sum, { length }) => sum + length, 0);
    end.position += bytes;
    if (end.position <= end.size) return end.file.write(joined(records, bytes), position);
    const size = Math.ceil(end.position / STORE_LOG_GROWTH_BYTES) * STORE_LOG_GROWTH_BYTES;
    // Zeros behind the records: a new length costs the file system more than a write within the old one.
    const padding = Buffer.alloc(size - end.position);
    await end.file.write(Buffer.concat([...records, padding]), position);
    end.size = size;
  }
}

function joined(records: readonly Buffer[], bytes: number): Buffer {
  const [only, second] = records;
  return only !== undefined && second === undefined ? only : Buffer.concat(records, bytes);
}

/**
 * What the files hold of the generation of `applied` after it, in order, up to the first turn that is missing.
 * @throws E_IO (the files cannot be what they were when `applied` was noted)
 */
export function turnsAfter(files: readonly LogFile[], applied: TurnName): readonly LoggedTurn[] {
  const byNumber = new Map<number, LoggedTurn>();
  for (const file of files)
    for (const turn of readTurns(file.read()))
      if (turn.generation === applied.generation) byNumber.set(turn.number, turn);
  const turns: LoggedTurn[] = [];
  for (let number = applied.number + 1; ; number += 1) {
    const turn = byNumber.get(number);
    if (turn === undefined) break;
    turns.push(turn);
  }
  const last = applied.number + turns.length;
  // Its record is written over only when the one after it is in the other file.
  const isCut = applied.number > 0 && !byNumber.has(applied.number) && turns.length === 0;
  // A file is begun only when all before it is durable, so behind a torn write there is nothing.
  const hasHole = [...byNumber.keys()].some((number) => number > last);
  if (isCut || hasHole) throw refused(files.map(({ path }) => path).join(' or '), 'is damaged');
  return turns;
}

/** @throws E_IO (a file is shorter than it was) */
export function checkSizes(files: readonly LogFile[], sizes: LogSizes): void {
  for (const [index, { path, size }] of files.entries())
    if (size < (sizes[index] ?? 0)) throw refused(path, 'is cut off');
}

/** Starting without what the log had would silently forget what was acknowledged last. */
export function refused(path: string, what: string): FastChatError {
  const advice = 'put back a backup of the whole data directory, or join anew with an empty one';
  return new FastChatError('E_IO', `${path} ${what}; ${advice}`);
}

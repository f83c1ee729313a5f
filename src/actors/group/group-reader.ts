/** Reads one group's records. Whoever calls sees to it that only flushed ones matter (I2). */
import type { Membership } from '../../protocol/group-facts.ts';
import type { EpochSeal, GroupEntry, PlacedOperation } from '../../protocol/group-log.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import { PULL_BYTES_MAX } from '../../protocol/limits.ts';
import type { ActorStore, RecordCodec } from '../ports.ts';
import { LOG_START } from '../runtime/log-mark.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import { RecordReader } from '../runtime/record-reader.ts';
import type { RecordRange } from '../runtime/record-reader.ts';
import { lifePlace, owedRecord } from './encode-writes.ts';
import type { StoredHead } from './messages.ts';
import {
  stayRecord,
  freshRecord,
  logRecord,
  markRecord,
  memberRecord,
  operationRecord,
  pairRecord,
  placeRecord,
  rootRecord,
  sealRecord,
} from './records.ts';
import type {
  StayRecord,
  FreshRecord,
  LogRecord,
  MarkRecord,
  MemberRecord,
  OperationRecord,
  PairRecord,
  PlaceRecord,
  RootRecord,
  SealRecord,
} from './records.ts';

export class GroupReader {
  readonly #open: (place: ReadonlyArray<string | number>) => RecordReader;
  readonly #records: RecordReader;
  readonly group: GroupId;

  constructor(group: GroupId, store: ActorStore, codec: RecordCodec) {
    this.group = group;
    this.#open = (place) => new RecordReader(store, codec, [group, ...place]);
    this.#records = this.#open([]);
  }

  root(): RootRecord | undefined {
    return this.#records.one(rootRecord, 'root');
  }

  owed(): Array<{ readonly user: UserId; readonly membership: Membership }> {
    return this.#records.all(owedRecord, 'owed');
  }

  life(life: number): LifeReader {
    return new LifeReader(this.group, this.#open(lifePlace(life)));
  }
}

/** The records of one life of a group. */
export class LifeReader {
  readonly #group: GroupId;
  readonly #records: RecordReader;

  constructor(group: GroupId, records: RecordReader) {
    this.#group = group;
    this.#records = records;
  }

  place(): PlaceRecord | undefined {
    return this.#records.one(placeRecord, 'place');
  }

  members(): MemberRecord[] {
    return this.#records.all(memberRecord, 'member');
  }

  /** Stays of a user that ended, in order. */
  staysOf(user: UserId): StayRecord[] {
    return this.#records.all(stayRecord, 'stay', user);
  }

  stays(): StayRecord[] {
    return this.#records.all(stayRecord, 'stay');
  }

  marks(): MarkRecord[] {
    return this.#records.all(markRecord, 'mark');
  }

  pairsOf(sender: UserId): PairRecord[] {
    return this.#records.all(pairRecord, 'pair', sender);
  }

  fresh(): FreshRecord[] {
    return this.#records.all(freshRecord, 'fresh');
  }

  seals(): SealRecord[] {
    return this.#records.all(sealRecord, 'seal');
  }

  /** One member's seals from an epoch on, in order. */
  sealsOf(user: UserId, from: number, limit: number): EpochSeal[] {
    const range = { from, to: 0xffff_ffff, limit };
    return this.#records.numbered(sealRecord, range, 'seal', user).map(({ seal }) => seal);
  }

  operation(position: number): OperationRecord | undefined {
    return this.#records.chunked(operationRecord, 'operation', position);
  }

  /** Operations from a position on, in order, until PULL_BYTES_MAX: always one when there is any. */
  operations({ from, to, limit }: RecordRange): PlacedOperation[] {
    const found: PlacedOperation[] = [];
    let bytes = 0;
    for (let position = from; position <= to && found.length < limit; position += 1) {
      const record = this.operation(position);
      if (record === undefined) break;
      bytes += record.signed.length;
      if (found.length > 0 && bytes > PULL_BYTES_MAX) break;
      const { seq, at, signed } = record;
      found.push({ seq, at, signed });
    }
    return found;
  }

  newestHead(): StoredHead | undefined {
    const newest = this.#records.last(logRecord, 'log');
    return newest === undefined ? undefined : headOf(newest);
  }

  /** Heads in the range, in order; expired ones are missing. */
  heads(range: RecordRange): StoredHead[] {
    return this.#log(range).map(headOf);
  }

  /** The sums up to and with the last entry that there is up to `seq`, from `floor` on. */
  markAt(seq: number, floor: LogMark): LogMark {
    if (seq <= floor.seq) return floor;
    const [at] = this.#log({ from: seq, to: seq, limit: 1 });
    return at === undefined ? LOG_START : { seq, loud: at.loud, bytes: at.bytes };
  }

  /** Whole entries in the range, in order, until PULL_BYTES_MAX: always one when there is any. `upTo` is what they cover. */
  entries(
    range: RecordRange,
    incarnation: Incarnation,
  ): { readonly entries: GroupEntry[]; readonly upTo: number } {
    const entries: GroupEntry[] = [];
    const records = this.#log(range);
    let bytes = 0;
    for (const record of records) {
      const entry = this.#entry(record, incarnation);
      bytes += entryBytes(entry);
      if (entries.length > 0 && bytes > PULL_BYTES_MAX)
        return { entries, upTo: entries.at(-1)?.seq ?? range.to };
      entries.push(entry);
    }
    const isCutOff = records.length === range.limit;
    return { entries, upTo: isCutOff ? (entries.at(-1)?.seq ?? range.to) : range.to };
  }

  /** Some keys of this life. */
  keys(limit: number): Uint8Array[] {
    return this.#records.keys(limit);
  }

  #log(range: RecordRange): LogRecord[] {
    return this.#records.numbered(logRecord, range, 'log');
  }

  #entry(record: LogRecord, incarnation: Incarnation): GroupEntry {
    const { seq, at } = record;
    if (record.type === 'operation') {
      const signed = this.operation(record.position)?.signed ?? new Uint8Array();
      return { type: 'operation', seq, at, signed };
    }
    const { from, device, counter, tag, boxEpoch, quiet, parts, bodyStart } = record;
    const rest = parts === 0 ? undefined : this.#records.long('body', seq);
    const body = rest === undefined ? bodyStart : Buffer.concat([bodyStart, rest]);
    const to = this.#group;
    const envelope = { to, incarnation, from, device, counter, tag, boxEpoch, quiet, body };
    return { type: 'message', seq, at, envelope };
  }
}

/** Bytes of what an entry carries, without its header. */
export function entryBytes(entry: GroupEntry): number {
  return entry.type === 'message' ? entry.envelope.body.length : entry.signed.length;
}

function headOf(record: LogRecord): StoredHead {
  const { seq, at, loud, bytes } = record;
  return { seq, at, loud, bytes, parts: record.type === 'message' ? record.parts : 0 };
}

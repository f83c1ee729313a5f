/** Reads one user's records. Whoever calls sees to it that only flushed ones matter (I2). */
import { contactInfo, sealedVault } from '../../protocol/account.ts';
import type { ContactInfo, SealedVault } from '../../protocol/account.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import { membership } from '../../protocol/group-facts.ts';
import type { Membership } from '../../protocol/group-facts.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import { PULL_BYTES_MAX } from '../../protocol/limits.ts';
import type { ActorStore, RecordCodec } from '../ports.ts';
import { RecordReader } from '../runtime/record-reader.ts';
import type { RecordRange } from '../runtime/record-reader.ts';
import type { StoredHead } from './messages.ts';
import {
  accountRecord,
  deviceRecord,
  logRecord,
  mailboxRecord,
  owedRecord,
  pairRecord,
  seenRecord,
} from './records.ts';
import type {
  AccountRecord,
  DeviceRecord,
  LogRecord,
  MailboxRecord,
  OwedRecord,
  PairRecord,
  SeenRecord,
} from './records.ts';

/** Sequence numbers, both inclusive, and how many of them at most. */
export type LogRange = RecordRange;

export class MailboxReader {
  readonly #user: UserId;
  readonly #records: RecordReader;

  constructor(user: UserId, store: ActorStore, codec: RecordCodec) {
    this.#user = user;
    this.#records = new RecordReader(store, codec, [user]);
  }

  account(): AccountRecord | undefined {
    return this.#records.one(accountRecord, 'account');
  }

  mailbox(): MailboxRecord | undefined {
    return this.#records.one(mailboxRecord, 'mailbox');
  }

  vault(): SealedVault | undefined {
    return this.#records.chunked(sealedVault, 'vault');
  }

  devices(): DeviceRecord[] {
    return this.#records.all(deviceRecord, 'device');
  }

  contacts(): ContactInfo[] {
    return this.#records.all(contactInfo, 'contact');
  }

  groups(): Membership[] {
    return this.#records.all(membership, 'group');
  }

  owed(): OwedRecord[] {
    return this.#records.all(owedRecord, 'owed');
  }

  pair(sender: UserId, device: DeviceId): PairRecord | undefined {
    return this.#records.one(pairRecord, 'pair', sender, device);
  }

  pairsOf(sender: UserId): PairRecord[] {
    return this.#records.all(pairRecord, 'pair', sender);
  }

  seen(source: UserId): SeenRecord | undefined {
    return this.#records.one(seenRecord, 'seen', source);
  }

  newestHead(): StoredHead | undefined {
    const newest = this.#records.last(logRecord, 'log');
    return newest === undefined ? undefined : headOf(newest);
  }

  /** Heads in the range, in order; expired ones are missing. */
  heads(range: LogRange): StoredHead[] {
    return this.#logRecords(range).map(headOf);
  }

  /** Whole entries in the range, in order, until PULL_BYTES_MAX: always one when there is any. `upTo` is what they cover. */
  entries(
    range: LogRange,
    incarnation: Incarnation,
  ): { readonly entries: LogEntry[]; readonly upTo: number } {
    const entries: LogEntry[] = [];
    const records = this.#logRecords(range);
    let bodyBytes = 0;
    for (const record of records) {
      const entry = this.#entry(record, incarnation);
      bodyBytes += entry.envelope.body.length;
      if (entries.length > 0 && bodyBytes > PULL_BYTES_MAX)
        return { entries, upTo: entries.at(-1)?.seq ?? range.to };
      entries.push(entry);
    }
    const isCutOff = records.length === range.limit;
    return { entries, upTo: isCutOff ? (entries.at(-1)?.seq ?? range.to) : range.to };
  }

  #logRecords(range: LogRange): LogRecord[] {
    return this.#records.numbered(logRecord, range, 'log');
  }

  #entry(record: LogRecord, incarnation: Incarnation): LogEntry {
    const { seq, at, from, device, counter, tag, boxEpoch, quiet, parts, bodyStart } = record;
    const rest = parts === 0 ? undefined : this.#records.long('body', seq);
    const body = rest === undefined ? bodyStart : Buffer.concat([bodyStart, rest]);
    const to = this.#user;
    const envelope = { to, incarnation, from, device, counter, tag, boxEpoch, quiet, body };
    return { seq, at, envelope };
  }
}

function headOf({
  seq,
  at,
  from,
  device,
  counter,
  quiet,
  loud,
  bytes,
  parts,
}: LogRecord): StoredHead {
  return { seq, at, from, device, counter, quiet, loud, bytes, parts };
}

/** Reads one user's records. Whoever calls sees to it that only flushed ones matter (I2). */
import { contactInfo, sealedVault } from '../../protocol/account.ts';
import type { ContactInfo, SealedVault } from '../../protocol/account.ts';
import { decode } from '../../protocol/codec.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import { membership } from '../../protocol/group-facts.ts';
import type { Membership } from '../../protocol/group-facts.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import { PULL_BYTES_MAX } from '../../protocol/limits.ts';
import type { Type } from '../../protocol/schema.ts';
import type { ActorStore, RecordCodec } from '../ports.ts';
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
export interface LogRange {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

export class MailboxReader {
  readonly #user: UserId;
  readonly #store: ActorStore;
  readonly #codec: RecordCodec;

  constructor(user: UserId, store: ActorStore, codec: RecordCodec) {
    this.#user = user;
    this.#store = store;
    this.#codec = codec;
  }

  account(): AccountRecord | undefined {
    return this.#one(accountRecord, 'account');
  }

  mailbox(): MailboxRecord | undefined {
    return this.#one(mailboxRecord, 'mailbox');
  }

  vault(): SealedVault | undefined {
    const value = this.#long('vault');
    return value === undefined ? undefined : parseStored(sealedVault, value);
  }

  devices(): DeviceRecord[] {
    return this.#all(deviceRecord, 'device');
  }

  contacts(): ContactInfo[] {
    return this.#all(contactInfo, 'contact');
  }

  groups(): Membership[] {
    return this.#all(membership, 'group');
  }

  owed(): OwedRecord[] {
    return this.#all(owedRecord, 'owed');
  }

  pair(sender: UserId, device: DeviceId): PairRecord | undefined {
    return this.#one(pairRecord, 'pair', sender, device);
  }

  pairsOf(sender: UserId): PairRecord[] {
    return this.#all(pairRecord, 'pair', sender);
  }

  seen(source: UserId): SeenRecord | undefined {
    return this.#one(seenRecord, 'seen', source);
  }

  newestHead(): StoredHead | undefined {
    const prefix = this.#key('log');
    const options = { limit: 1, reverse: true };
    const newest = this.#store.range(prefix, this.#codec.after(prefix), options)[0];
    return newest === undefined ? undefined : headOf(parseStored(logRecord, newest[1]));
  }

  /** Heads in the range, in order; expired ones are missing. */
  heads(range: LogRange): StoredHead[] {
    return this.#records(range).map(headOf);
  }

  /** Whole entries in the range, in order, until PULL_BYTES_MAX: always one when there is any. `upTo` is what they cover. */
  entries(
    range: LogRange,
    incarnation: Incarnation,
  ): { readonly entries: LogEntry[]; readonly upTo: number } {
    const entries: LogEntry[] = [];
    const records = this.#records(range);
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

  #records({ from, to, limit }: LogRange): LogRecord[] {
    if (from > to || limit === 0) return [];
    const fromKey = this.#key('log', from);
    const toKey = this.#key('log', to + 1);
    const pairs = this.#store.range(fromKey, toKey, { limit });
    return pairs.map(([, value]) => parseStored(logRecord, value));
  }

  #entry(record: LogRecord, incarnation: Incarnation): LogEntry {
    const { seq, at, from, device, counter, tag, boxEpoch, quiet, parts, bodyStart } = record;
    const rest = parts === 0 ? undefined : this.#long('body', seq);
    const body = rest === undefined ? bodyStart : Buffer.concat([bodyStart, rest]);
    const to = this.#user;
    const envelope = { to, incarnation, from, device, counter, tag, boxEpoch, quiet, body };
    return { seq, at, envelope };
  }

  #key(...parts: ReadonlyArray<string | number>): Uint8Array {
    return this.#codec.key(this.#user, ...parts);
  }

  #one<T>(type: Type<T>, ...parts: ReadonlyArray<string | number>): T | undefined {
    const value = this.#store.get(this.#key(...parts));
    return value === undefined ? undefined : parseStored(type, value);
  }

  #long(...parts: ReadonlyArray<string | number>): Uint8Array | undefined {
    const key = this.#key(...parts);
    const chunks = this.#store.range(key, this.#codec.after(key));
    return this.#codec.join(chunks.map(([, value]) => value));
  }

  /** Every record under a prefix, a range at a time: one range has a bounded length. */
  #all<T>(type: Type<T>, ...parts: ReadonlyArray<string | number>): T[] {
    const prefix = this.#key(...parts);
    const end = this.#codec.after(prefix);
    const found: T[] = [];
    let from: Uint8Array = prefix;
    for (;;) {
      const pairs = this.#store.range(from, end);
      for (const [, value] of pairs) found.push(parseStored(type, value));
      const last = pairs.at(-1);
      if (last === undefined) return found;
      // The smallest key above the last one read.
      from = Buffer.concat([last[0], Buffer.alloc(1)]);
    }
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

/** What we wrote ourselves must parse; when it does not, the disk or a version is wrong, not the peer. */
function parseStored<T>(type: Type<T>, value: Uint8Array): T {
  try {
    return decode(type, value);
  } catch (cause) {
    throw new FastChatError('E_INTERNAL', 'a stored record cannot be read', {
      cause: asFastChatError(cause),
    });
  }
}

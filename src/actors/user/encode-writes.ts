/** Logical writes to keys and bytes. */
import { contactInfo, sealedVault } from '../../protocol/account.ts';
import { encode } from '../../protocol/codec.ts';
import { membership } from '../../protocol/group-facts.ts';
import type { UserId } from '../../protocol/ids.ts';
import { LOG_RECORD_HEAD_BYTES_MAX, STORE_VALUE_BYTES_MAX } from '../../protocol/limits.ts';
import type { ActorWrite, RecordCodec } from '../ports.ts';
import type { WriteKind } from '../runtime/commit-pipeline.ts';
import {
  accountRecord,
  deviceRecord,
  logRecord,
  mailboxRecord,
  owedRecord,
  pairRecord,
  seenRecord,
} from './records.ts';
import type { UserWrite } from './records.ts';

type LogWrite = WriteOf<'log'>;
type VaultWrite = WriteOf<'vault'>;
type WriteOf<T extends UserWrite['type']> = Extract<UserWrite, { type: T }>;
/** Where a record lies below its user. */
type Place = ReadonlyArray<string | number>;

/** How much of a body its log record holds. */
const BODY_START_BYTES = STORE_VALUE_BYTES_MAX - LOG_RECORD_HEAD_BYTES_MAX;

const places: { readonly [T in UserWrite['type']]: (write: WriteOf<T>) => Place } = {
  account: () => ['account'],
  vault: () => ['vault'],
  mailbox: () => ['mailbox'],
  device: ({ record }) => ['device', record.device],
  removeDevice: ({ device }) => ['device', device],
  log: ({ entry }) => ['log', entry.seq],
  removeLog: ({ seq }) => ['log', seq],
  pair: ({ record }) => ['pair', record.sender, record.device],
  contact: ({ record }) => ['contact', record.user],
  removeContact: ({ user }) => ['contact', user],
  group: ({ record }) => ['group', record.group],
  removeGroup: ({ group }) => ['group', group],
  owed: ({ record }) => ['owed', record.seq],
  removeOwed: ({ seq }) => ['owed', seq],
  seen: ({ source }) => ['seen', source],
};

function placeOf(write: UserWrite): Place {
  return (places[write.type] as (write: UserWrite) => Place)(write);
}

/** The writes of a user, for its commit pipeline. */
export function userWrites(user: UserId, codec: RecordCodec): WriteKind<UserWrite> {
  return {
    encode: (writes) => encodeWrites(user, writes, codec),
    nameOf: recordName,
    bytesOf: estimateBytes,
    join: joinVaults,
  };
}

/** Of two vaults in one batch, the later one removes what either of them would have. */
function joinVaults(earlier: UserWrite, later: UserWrite): UserWrite {
  if (earlier.type !== 'vault' || later.type !== 'vault') return later;
  return { ...later, oldBytes: Math.max(later.oldBytes, earlier.oldBytes) };
}

function recordName(write: UserWrite): string | undefined {
  return write.type === 'log' ? undefined : placeOf(write).join('/');
}

function estimateBytes(write: UserWrite): number {
  if (write.type === 'log') return LOG_RECORD_HEAD_BYTES_MAX + write.entry.envelope.body.length;
  if (write.type === 'vault') return write.record.vault.length + LOG_RECORD_HEAD_BYTES_MAX;
  return LOG_RECORD_HEAD_BYTES_MAX;
}

function encodeWrites(user: UserId, writes: Iterable<UserWrite>, codec: RecordCodec): ActorWrite[] {
  const physical: ActorWrite[] = [];
  for (const write of writes) {
    const key = codec.key(user, ...placeOf(write));
    if (write.type === 'vault') physical.push(...vaultWrites(key, write, codec));
    else if (write.type === 'log') addEntry(physical, key, write, { user, codec });
    else physical.push({ key, value: plainValue(write) });
    if (write.type === 'removeLog' && write.parts > 0)
      physical.push(...codec.chunk(codec.key(user, 'body', write.seq), undefined, write.parts));
  }
  return physical;
}

/** The log record holds the beginning of the body, which is all of most; the rest has a key of its own. */
function addEntry(
  physical: ActorWrite[],
  key: Uint8Array,
  { entry, loud, bytes }: LogWrite,
  { user, codec }: { readonly user: UserId; readonly codec: RecordCodec },
): void {
  const { seq, at, envelope } = entry;
  const { from, device, counter, tag, boxEpoch, quiet, body } = envelope;
  const bodyStart = body.subarray(0, BODY_START_BYTES);
  const rest = body.length > BODY_START_BYTES ? body.subarray(BODY_START_BYTES) : undefined;
  const parts = codec.chunkCount(rest);
  physical.push({
    key,
    // Sequence numbers are never given twice.
    isNew: true,
    value: encode(logRecord, {
      seq,
      at,
      loud,
      bytes,
      from,
      device,
      counter,
      tag,
      boxEpoch,
      quiet,
      parts,
      bodyStart,
    }),
  });
  if (rest !== undefined) physical.push(...codec.chunk(codec.key(user, 'body', seq), rest, 0));
}

function vaultWrites(
  key: Uint8Array,
  { record, oldBytes }: VaultWrite,
  codec: RecordCodec,
): readonly ActorWrite[] {
  const oldParts = oldBytes === 0 ? 0 : codec.chunkCount(new Uint8Array(oldBytes));
  return codec.chunk(key, encode(sealedVault, record), oldParts);
}

type PlainWrite = Exclude<UserWrite, LogWrite | VaultWrite>;
const removed = (): undefined => undefined;

/** The value of a record that fits one key; undefined removes it. */
const plainValues: {
  readonly [T in PlainWrite['type']]: (write: WriteOf<T>) => Uint8Array | undefined;
} = {
  account: ({ record }) => encode(accountRecord, record),
  mailbox: ({ record }) => encode(mailboxRecord, record),
  device: ({ record }) => encode(deviceRecord, record),
  pair: ({ record }) => encode(pairRecord, record),
  contact: ({ record }) => encode(contactInfo, record),
  group: ({ record }) => encode(membership, record),
  owed: ({ record }) => encode(owedRecord, record),
  seen: ({ record }) => encode(seenRecord, record),
  removeLog: removed,
  removeDevice: removed,
  removeContact: removed,
  removeGroup: removed,
  removeOwed: removed,
};

function plainValue(write: PlainWrite): Uint8Array | undefined {
  return (plainValues[write.type] as (write: PlainWrite) => Uint8Array | undefined)(write);
}

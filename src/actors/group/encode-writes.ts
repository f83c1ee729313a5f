/** Logical writes of a group to keys and bytes. */
import { encode } from '../../protocol/codec.ts';
import { struct, userId } from '../../protocol/schema.ts';
import { membership } from '../../protocol/group-facts.ts';
import type { GroupId } from '../../protocol/ids.ts';
import { LOG_RECORD_HEAD_BYTES_MAX, STORE_VALUE_BYTES_MAX } from '../../protocol/limits.ts';
import type { ActorWrite, RecordCodec } from '../ports.ts';
import type { WriteKind } from '../runtime/commit-pipeline.ts';
import {
  freshRecord,
  logRecord,
  markRecord,
  memberRecord,
  operationRecord,
  pairRecord,
  placeRecord,
  rootRecord,
  sealRecord,
  stayRecord,
} from './records.ts';
import type { GroupWrite, LifeWrite } from './records.ts';

/** Where a record lies below its group. */
type Place = ReadonlyArray<string | number>;
type WriteOf<T extends LifeWrite['type']> = Extract<LifeWrite, { type: T }>;
type LogWrite = WriteOf<'log'>;
type LongWrite = LogWrite | WriteOf<'operation'>;
type PlainWrite = Exclude<LifeWrite, LongWrite>;

/** How much of a body its log record holds. */
const BODY_START_BYTES = STORE_VALUE_BYTES_MAX - LOG_RECORD_HEAD_BYTES_MAX;

/** One user's notice: what to say, and to whom. */
export const owedRecord = struct({ user: userId, membership });

/** Below the group, the records of one life. */
export function lifePlace(life: number): Place {
  return ['life', life];
}

const places: { readonly [T in LifeWrite['type']]: (write: WriteOf<T>) => Place } = {
  place: () => ['place'],
  member: ({ record }) => ['member', record.user],
  removeMember: ({ user }) => ['member', user],
  stay: ({ record }) => ['stay', record.user, record.until],
  removeStay: ({ user, until }) => ['stay', user, until],
  mark: ({ record }) => ['mark', record.user],
  removeMark: ({ user }) => ['mark', user],
  log: ({ entry }) => ['log', entry.seq],
  removeLog: ({ seq }) => ['log', seq],
  operation: ({ position }) => ['operation', position],
  pair: ({ record }) => ['pair', record.sender, record.device],
  fresh: ({ record }) => ['fresh', record.epoch],
  removeFresh: ({ epoch }) => ['fresh', epoch],
  seal: ({ record }) => ['seal', record.user, record.seal.epoch],
  removeSeal: ({ user, epoch }) => ['seal', user, epoch],
};

const removed = (): undefined => undefined;
const values: {
  readonly [T in PlainWrite['type']]: (write: WriteOf<T>) => Uint8Array | undefined;
} = {
  place: ({ record }) => encode(placeRecord, record),
  member: ({ record }) => encode(memberRecord, record),
  stay: ({ record }) => encode(stayRecord, record),
  mark: ({ record }) => encode(markRecord, record),
  pair: ({ record }) => encode(pairRecord, record),
  fresh: ({ record }) => encode(freshRecord, record),
  seal: ({ record }) => encode(sealRecord, record),
  removeMember: removed,
  removeStay: removed,
  removeMark: removed,
  removeLog: removed,
  removeFresh: removed,
  removeSeal: removed,
};

function placeOf(write: LifeWrite): Place {
  return (places[write.type] as (write: LifeWrite) => Place)(write);
}

/** The writes of a group, for its commit pipeline. */
export function groupWrites(group: GroupId, codec: RecordCodec): WriteKind<GroupWrite> {
  return {
    encode: (writes) => [...writes].flatMap((write) => physical(group, write, codec)),
    nameOf: recordName,
    bytesOf: estimateBytes,
  };
}

function recordName(write: GroupWrite): string {
  switch (write.type) {
    case 'life':
      return `${write.life}/${placeOf(write.write).join('/')}`;
    case 'owed':
    case 'removeOwed':
      return `owed/${write.user}`;
    case 'purge':
      return `purge/${Buffer.from(write.key).toString('latin1')}`;
    case 'root':
    case 'removeRoot':
      return 'root';
  }
}

function estimateBytes(write: GroupWrite): number {
  if (write.type !== 'life') return LOG_RECORD_HEAD_BYTES_MAX;
  if (write.write.type === 'operation')
    return LOG_RECORD_HEAD_BYTES_MAX + write.write.record.signed.length;
  if (write.write.type !== 'log' || write.write.entry.type !== 'message')
    return LOG_RECORD_HEAD_BYTES_MAX;
  return LOG_RECORD_HEAD_BYTES_MAX + write.write.entry.envelope.body.length;
}

function physical(group: GroupId, write: GroupWrite, codec: RecordCodec): readonly ActorWrite[] {
  const at = (...place: Place): Uint8Array => codec.key(group, ...place);
  switch (write.type) {
    case 'root':
      return [{ key: at('root'), value: encode(rootRecord, write.record) }];
    case 'removeRoot':
      return [{ key: at('root'), value: undefined }];
    case 'owed': {
      const value = encode(owedRecord, { user: write.user, membership: write.record });
      return [{ key: at('owed', write.user), value }];
    }
    case 'removeOwed':
      return [{ key: at('owed', write.user), value: undefined }];
    case 'purge':
      return [{ key: write.key, value: undefined }];
    case 'life':
      return ofLife((...place) => at(...lifePlace(write.life), ...place), write.write, codec);
  }
}

type KeyOf = (...place: Place) => Uint8Array;

function ofLife(keyOf: KeyOf, write: LifeWrite, codec: RecordCodec): readonly ActorWrite[] {
  const key = keyOf(...placeOf(write));
  if (write.type === 'log') return ofEntry(keyOf, write, codec);
  if (write.type === 'operation') return codec.chunk(key, encode(operationRecord, write.record), 0);
  const value = (values[write.type] as (write: PlainWrite) => Uint8Array | undefined)(write);
  if (write.type !== 'removeLog' || write.parts === 0) return [{ key, value }];
  return [{ key, value }, ...codec.chunk(keyOf('body', write.seq), undefined, write.parts)];
}

/** The log record holds the beginning of a body, which is all of most; the rest has a key of its own. */
function ofEntry(keyOf: KeyOf, write: LogWrite, codec: RecordCodec): readonly ActorWrite[] {
  const { entry, position, loud, bytes } = write;
  const { seq, at } = entry;
  // Sequence numbers are never given twice.
  const entryKey = { key: keyOf('log', seq), isNew: true };
  if (entry.type === 'operation') {
    const record = { type: 'operation', seq, at, loud, bytes, position } as const;
    return [{ ...entryKey, value: encode(logRecord, record) }];
  }
  const { from, device, counter, tag, boxEpoch, quiet, body } = entry.envelope;
  const bodyStart = body.subarray(0, BODY_START_BYTES);
  const rest = body.length > BODY_START_BYTES ? body.subarray(BODY_START_BYTES) : undefined;
  const parts = codec.chunkCount(rest);
  const header = { seq, at, loud, bytes, from, device, counter, tag, boxEpoch, quiet };
  const value = encode(logRecord, { type: 'message', ...header, parts, bodyStart });
  if (rest === undefined) return [{ ...entryKey, value }];
  return [{ ...entryKey, value }, ...codec.chunk(keyOf('body', seq), rest, 0)];
}

/** The few things that the coordinator asks of etcd: read everything, change something if nothing changed, follow. */
import type { FastChatError } from '../../protocol/errors.ts';
import type { EtcdGateway } from './gateway.ts';
import { base64, bytesAt, listAt, numberAt, objectAt, textAt } from './json.ts';
import type { Json } from './json.ts';
import type { KeyValue } from './mirror.ts';

/** One condition of a transaction. */
export type Condition =
  /** Nothing was written at the key since, or ever if 0. */
  | { readonly key: string; readonly unchangedSince: number }
  /** Nothing in the range was written or made after `revision`. */
  | { readonly from: string; readonly to: string; readonly nothingAfter: number }
  | { readonly key: string; readonly exists: boolean }
  | { readonly key: string; readonly holds: Uint8Array };

export type Write =
  | { readonly key: string; readonly value: Uint8Array }
  | { readonly remove: string }
  | { readonly removeRange: { readonly from: string; readonly to: string } };

export interface Snapshot {
  readonly revision: number;
  readonly all: readonly KeyValue[];
}

export interface FollowEvents {
  readonly onChanges: (changes: readonly KeyValue[], revision: number) => void;
  /** Nothing more will come; also when the revisions asked for are compacted. */
  readonly onEnd: (error: FastChatError | undefined) => void;
}

function keyValue(json: Json, isDeleted: boolean): KeyValue {
  return {
    key: Buffer.from(bytesAt(json, 'key')).toString('utf8'),
    value: isDeleted ? undefined : bytesAt(json, 'value'),
    modRevision: numberAt(json, 'mod_revision'),
  };
}

function compare(condition: Condition): Json {
  if ('unchangedSince' in condition)
    return {
      key: base64(condition.key),
      target: 'MOD',
      result: 'EQUAL',
      mod_revision: condition.unchangedSince,
    };
  if ('nothingAfter' in condition)
    return {
      key: base64(condition.from),
      range_end: base64(condition.to),
      target: 'MOD',
      result: 'LESS',
      mod_revision: condition.nothingAfter + 1,
    };
  if ('holds' in condition)
    return {
      key: base64(condition.key),
      target: 'VALUE',
      result: 'EQUAL',
      value: base64(condition.holds),
    };
  const result = condition.exists ? 'GREATER' : 'EQUAL';
  return { key: base64(condition.key), target: 'CREATE', result, create_revision: 0 };
}

function operation(write: Write): Json {
  if ('removeRange' in write) {
    const { from, to } = write.removeRange;
    return { request_delete_range: { key: base64(from), range_end: base64(to) } };
  }
  return 'remove' in write
    ? { request_delete_range: { key: base64(write.remove) } }
    : { request_put: { key: base64(write.key), value: base64(write.value) } };
}

/** Everything from `from` to before `to`, as a majority of etcd has it now. */
export async function readRange(
  gateway: EtcdGateway,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Snapshot> {
  const answer = await gateway.ask('/v3/kv/range', { key: base64(from), range_end: base64(to) });
  return {
    revision: numberAt(objectAt(answer, 'header'), 'revision'),
    all: listAt(answer, 'kvs').map((pair) => keyValue(pair, false)),
  };
}

export async function readKey(gateway: EtcdGateway, key: string): Promise<KeyValue | undefined> {
  const [pair] = (await readRange(gateway, { from: key, to: `${key}\0` })).all;
  return pair;
}

/** All writes if all conditions hold; false: some did not. @throws E_UNREACHABLE, E_TIMEOUT: it may have happened */
export async function transact(
  gateway: EtcdGateway,
  conditions: readonly Condition[],
  writes: readonly Write[],
): Promise<boolean> {
  const request = { compare: conditions.map(compare), success: writes.map(operation) };
  return (await gateway.change('/v3/kv/txn', request))['succeeded'] === true;
}

/** Tells of every change in the range after `revision`, whole revisions at a time, in order. */
export function follow(
  gateway: EtcdGateway,
  range: { readonly from: string; readonly to: string; readonly after: number },
  { onChanges, onEnd }: FollowEvents,
): { cancel(): void } {
  const created = {
    key: base64(range.from),
    range_end: base64(range.to),
    start_revision: range.after + 1,
  };
  const onMessage = (message: Json): void => {
    const result = objectAt(message, 'result');
    if (result['canceled'] === true || message['error'] !== undefined) {
      stream.cancel();
      return onEnd(undefined);
    }
    const events = listAt(result, 'events');
    const changes = events.map((event) =>
      keyValue(objectAt(event, 'kv'), textAt(event, 'type') === 'DELETE'),
    );
    // Not the revision in the header: a watcher that lags behind is told of one that it has not been brought to yet.
    const revision = Math.max(0, ...changes.map(({ modRevision }) => modRevision));
    if (changes.length > 0) onChanges(changes, revision);
  };
  const stream = gateway.stream('/v3/watch', { create_request: created }, { onMessage, onEnd });
  return stream;
}

/** What the store keeps in memory of each shard, and its two records on disk: the head and the promise. */
import type { ShardId } from '../protocol/ids.ts';
import { parseShardId } from '../protocol/ids.ts';
import type { Environment } from './environment.ts';
import { FIRST_KEY, HEAD_AREA, PROMISE_AREA, shardKey } from './physical-keys.ts';
import type { ShardHead, Standing } from './shard-store.ts';

const NUMBER_BYTES = 6;
const NEVER_WRITTEN: ShardHead = { epoch: 0, seq: 0 };

export interface ShardState {
  readonly shard: ShardId;
  head: ShardHead;
  /** Every commit after it has a journal record, no other commit has one. */
  journalBase: ShardHead;
  /** Epochs below are refused. Never below the head's epoch. */
  promised: number;
  standing: Standing;
  /** See `ShardStore.floor`. */
  floor: ShardHead | undefined;
}

/** The first byte of a head record; stored on disk. */
const STANDING_BYTE = { whole: 0, dropping: 1, partial: 2 };

/** Every shard with a head or a promise on disk. */
export function loadShardStates(environment: Environment): Map<ShardId, ShardState> {
  const states = new Map<ShardId, ShardState>();
  const read = (area: number, take: (state: ShardState, record: Buffer) => void): void => {
    const pairs = environment.range({ area, from: FIRST_KEY, to: undefined }, { limit: Infinity });
    for (const [key, value] of pairs) {
      const shard = parseShardId(Buffer.from(key).readUInt16BE());
      const state = states.get(shard) ?? newShardState(shard);
      states.set(shard, state);
      take(state, Buffer.from(value));
    }
  };
  read(HEAD_AREA, takeHead);
  read(PROMISE_AREA, (state, record) => {
    state.promised = record.readUIntBE(0, NUMBER_BYTES);
  });
  return states;
}

export function newShardState(shard: ShardId): ShardState {
  return {
    shard,
    head: NEVER_WRITTEN,
    journalBase: NEVER_WRITTEN,
    promised: 0,
    standing: 'absent',
    floor: undefined,
  };
}

/** Forgets what the shard held; its promise and its floor stay. */
export function resetShardState(
  state: ShardState,
  standing: 'absent' | 'dropping' | 'partial',
): void {
  state.head = NEVER_WRITTEN;
  state.journalBase = NEVER_WRITTEN;
  state.standing = standing;
}

/** From now on, in the present transaction, the copy counts for nothing but its floor. */
export function markPartial(
  environment: Environment,
  state: ShardState,
  floor: ShardHead | undefined,
): void {
  state.standing = 'partial';
  state.floor = floor;
  writeHead(environment, state);
}

/** Writes (or for an absent shard removes) the head record: standing | head | journal base | floor, if there is one. */
export function writeHead(environment: Environment, state: ShardState): void {
  const { shard, head, journalBase, standing, floor } = state;
  if (standing === 'absent') {
    environment.write(HEAD_AREA, shardKey(shard), undefined);
    return;
  }
  const places = floor === undefined ? [head, journalBase] : [head, journalBase, floor];
  const record = Buffer.allocUnsafe(1 + 2 * places.length * NUMBER_BYTES);
  let offset = record.writeUInt8(STANDING_BYTE[standing]);
  for (const { epoch, seq } of places)
    for (const number of [epoch, seq]) offset = record.writeUIntBE(number, offset, NUMBER_BYTES);
  environment.write(HEAD_AREA, shardKey(shard), record);
}

function takeHead(state: ShardState, record: Buffer): void {
  const offsetOf = (place: number): number => 1 + 2 * place * NUMBER_BYTES;
  const placeAt = (place: number): ShardHead => ({
    epoch: record.readUIntBE(offsetOf(place), NUMBER_BYTES),
    seq: record.readUIntBE(offsetOf(place) + NUMBER_BYTES, NUMBER_BYTES),
  });
  state.standing = standingOf(record[0]);
  state.head = placeAt(0);
  state.journalBase = placeAt(1);
  state.floor = record.length > offsetOf(2) ? placeAt(2) : undefined;
}

function standingOf(byte: number | undefined): Standing {
  if (byte === STANDING_BYTE.whole) return 'whole';
  return byte === STANDING_BYTE.dropping ? 'dropping' : 'partial';
}

/** Promises to refuse epochs below `epoch`, in the present transaction; a lower one changes nothing. */
export function raisePromise(environment: Environment, state: ShardState, epoch: number): void {
  if (epoch <= state.promised) return;
  state.promised = epoch;
  const record = Buffer.allocUnsafe(NUMBER_BYTES);
  record.writeUIntBE(epoch, 0, NUMBER_BYTES);
  environment.write(PROMISE_AREA, shardKey(state.shard), record);
}

/**
 * One turn in the write-ahead log, as bytes. Layout, integers big-endian:
 *
 * | payload length | CRC-32 of all that follows | generation | number | then for each write: key length | value length + 1, 0 removes | key | value |
 * | u32            | u32                        | u32        | u48    |                      u16        | u32                         |     |       |
 *
 * A length of 0 ends a file: the space that is set aside for records is zeros.
 */
import { crc32 } from 'node:zlib';
import type { DiskWrite } from './environment.ts';

/** Which turn a record holds. Numbers of one generation have no gaps; every opening of the store begins a new generation. */
export interface TurnName {
  readonly generation: number;
  readonly number: number;
}

export type LoggedWrite = Pick<DiskWrite, 'physical' | 'value'>;

export interface LoggedTurn extends TurnName {
  readonly writes: readonly LoggedWrite[];
}

const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
export const GENERATION_BYTES = 4;
export const NUMBER_BYTES = 6;
const NAME_FROM = LENGTH_BYTES + CRC_BYTES;
const PAYLOAD_FROM = NAME_FROM + GENERATION_BYTES + NUMBER_BYTES;
const KEY_LENGTH_BYTES = 2;
const WRITE_HEAD_BYTES = KEY_LENGTH_BYTES + 4;

export function encodeTurn(
  { generation, number }: TurnName,
  writes: readonly LoggedWrite[],
): Buffer {
  let payload = 0;
  for (const { physical, value } of writes)
    payload += WRITE_HEAD_BYTES + physical.length + (value?.length ?? 0);
  const record = Buffer.allocUnsafe(PAYLOAD_FROM + payload);
  record.writeUInt32BE(payload, 0);
  record.writeUInt32BE(generation, NAME_FROM);
  record.writeUIntBE(number, NAME_FROM + GENERATION_BYTES, NUMBER_BYTES);
  let offset = PAYLOAD_FROM;
  for (const { physical, value } of writes) {
    offset = record.writeUInt16BE(physical.length, offset);
    offset = record.writeUInt32BE(value === undefined ? 0 : value.length + 1, offset);
    record.set(physical, offset);
    offset += physical.length;
    if (value === undefined) continue;
    record.set(value, offset);
    offset += value.length;
  }
  record.writeUInt32BE(crc32(record.subarray(NAME_FROM)), LENGTH_BYTES);
  return record;
}

/** The records from the beginning of a file up to the first that is not whole. Keys and values are views of `file`. */
export function* readTurns(file: Buffer): Generator<LoggedTurn> {
  for (let from = 0; from + PAYLOAD_FROM <= file.length;) {
    const payload = file.readUInt32BE(from);
    const to = from + PAYLOAD_FROM + payload;
    if (payload === 0 || to > file.length) return;
    if (crc32(file.subarray(from + NAME_FROM, to)) !== file.readUInt32BE(from + LENGTH_BYTES))
      return;
    const generation = file.readUInt32BE(from + NAME_FROM);
    const number = file.readUIntBE(from + NAME_FROM + GENERATION_BYTES, NUMBER_BYTES);
    yield { generation, number, writes: readWrites(file.subarray(from + PAYLOAD_FROM, to)) };
    from = to;
  }
}

function readWrites(payload: Buffer): readonly LoggedWrite[] {
  const writes: LoggedWrite[] = [];
  for (let from = 0; from < payload.length;) {
    const keyFrom = from + WRITE_HEAD_BYTES;
    const keyTo = keyFrom + payload.readUInt16BE(from);
    const lengthPlusOne = payload.readUInt32BE(from + KEY_LENGTH_BYTES);
    from = keyTo + Math.max(0, lengthPlusOne - 1);
    const value = lengthPlusOne === 0 ? undefined : payload.subarray(keyTo, from);
    writes.push({ physical: payload.subarray(keyFrom, keyTo), value });
  }
  return writes;
}

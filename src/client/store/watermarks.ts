/** How far own messages got at each recipient: marks over counters, from which the state of every message follows. */
import { after } from '../../persist/keys.ts';
import type { ReadMark } from '../../protocol/bodies.ts';
import type { DeviceId, Incarnation, UserId } from '../../protocol/ids.ts';
import { EXPIRED_RANGES_MAX } from '../../protocol/limits.ts';
import type { MessageState } from '../api.ts';
import type { StoreKeys } from './keys.ts';
import type { LocalStore, Reader, Transaction } from './local-store.ts';
import { messageRef, watermarkRecord } from './records.ts';
import type { LogPlace, MessageRecord, MessageRef, WatermarkRecord } from './records.ts';

/** Names one watermark. */
export interface MarkName {
  readonly peer: UserId;
  readonly incarnation: Incarnation;
  readonly device: DeviceId;
}

type Range = WatermarkRecord['expired'][number];

export class Watermarks {
  readonly #store: LocalStore;
  readonly #keys: StoreKeys;

  constructor(store: LocalStore, keys: StoreKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** The mark in this life of the recipient's log; all zero when nothing is known. */
  get(reader: Reader, name: MarkName): WatermarkRecord {
    const known = reader.get(this.#keys.watermark(name.peer, name.device), watermarkRecord);
    return known?.incarnation === name.incarnation ? known : blank(name);
  }

  put(tx: Transaction, record: WatermarkRecord): void {
    tx.put(this.#keys.watermark(record.peer, record.device), watermarkRecord, record);
  }

  /** A node took a message of this account: from now on it has a place, and receipts can name it. */
  placed(tx: Transaction, message: MessageRecord, place: LogPlace): void {
    const peer = message.conversation as UserId;
    const ref = { conversation: message.conversation, seq: message.seq };
    tx.put(this.#keys.place(peer, place, place.counter), messageRef, ref);
    const mark = this.get(tx, { peer, ...place });
    this.put(tx, { ...mark, sent: Math.max(mark.sent, place.counter) });
  }

  /** The own messages whose counters lie in `from` to `to`, both inclusive; at most a page. */
  messages(name: MarkName, from: number, to: number, limit: number): readonly MessageRef[] {
    if (from > to) return [];
    const options = {
      from: this.#keys.place(name.peer, name, from),
      to: after(this.#keys.place(name.peer, name, to)),
      limit,
    };
    const rows = this.#store.scan(this.#keys.place(name.peer, name), messageRef, options);
    return rows.map(({ value }) => value);
  }

  /** Every mark of every device at one recipient. */
  ofPeer(peer: UserId): readonly WatermarkRecord[] {
    return this.#store.scan(this.#keys.watermark(peer), watermarkRecord).map(({ value }) => value);
  }

  /** Recipients with messages that no device of theirs is known to have. */
  undelivered(): readonly UserId[] {
    const peers = new Set<UserId>();
    for (const { value } of this.#store.all(this.#keys.watermarks, watermarkRecord))
      if (value.delivered < value.sent) peers.add(value.peer);
    return [...peers];
  }

  /** The state of an own message after its receipts. */
  stateOf(reader: Reader, message: MessageRecord): MessageState {
    if (message.state === 'queued' || message.state === 'failed') return message.state;
    const { place } = message;
    if (place === undefined) return 'stored';
    return stateAt(
      this.get(reader, { peer: message.conversation as UserId, ...place }),
      place.counter,
    );
  }
}

/** What the marks say of one counter. */
export function stateAt(mark: WatermarkRecord, counter: number): MessageState {
  if (counter <= mark.read) return 'read';
  if (mark.expired.some(({ from, to }) => from <= counter && counter <= to)) return 'expired';
  return counter <= mark.delivered ? 'delivered' : 'stored';
}

/** Adds a range; when there are too many, the two oldest are taken together, which errs towards "expired". */
export function addExpired(ranges: readonly Range[], added: Range): readonly Range[] {
  const sorted = [...ranges, added].sort((a, b) => a.from - b.from);
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last === undefined || range.from > last.to + 1) merged.push(range);
    else merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  const [first, second] = merged;
  if (merged.length <= EXPIRED_RANGES_MAX || first === undefined || second === undefined)
    return merged;
  return [{ from: first.from, to: second.to }, ...merged.slice(2)];
}

/** The highest counter of each device, as a `read` body names it. */
export function mergeMarks(a: readonly ReadMark[], b: readonly ReadMark[]): readonly ReadMark[] {
  const highest = new Map<DeviceId, number>();
  for (const { device, counter } of [...a, ...b])
    highest.set(device, Math.max(counter, highest.get(device) ?? 0));
  return Array.from(highest, ([device, counter]) => ({ device, counter }));
}

function blank(name: MarkName): WatermarkRecord {
  const { peer, incarnation, device } = name;
  return { peer, incarnation, device, sent: 0, delivered: 0, read: 0, expired: [] };
}

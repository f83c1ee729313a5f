/**
 * Messages by conversation under growing sequence numbers, with an index by id and one by order of arrival. The numbers of
 * a direct conversation are dense; in a group an own message may move behind those that the log has before it.
 */
import type { Clock } from '../../ops/clock.ts';
import { encode } from '../../protocol/codec.ts';
import type { ContentBody } from '../../protocol/bodies.ts';
import { contentBody } from '../../protocol/bodies.ts';
import { lastNumber } from '../../persist/keys.ts';
import { isGroup } from '../../protocol/ids.ts';
import type { Address, MessageId, UserId } from '../../protocol/ids.ts';
import { isSameBytes } from '../same-bytes.ts';
import type { StoreKeys } from './keys.ts';
import type { LocalStore, Reader, Transaction } from './local-store.ts';
import { conversationRecord, messageRecord, messageRef } from './records.ts';
import type { ConversationRecord, LogPlace, MessageRecord } from './records.ts';

/** A message before it has its place in the history. */
export interface NewMessage {
  readonly conversation: Address;
  readonly id: MessageId;
  readonly from: UserId;
  readonly timestamp: number;
  readonly content: ContentBody;
  readonly state: MessageRecord['state'];
  readonly place: LogPlace | undefined;
  /** Its entry in a group's log. */
  readonly logSeq?: number | undefined;
}

export interface HistoryPorts {
  readonly clock: Clock;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly self: UserId;
}

export class History {
  readonly #clock: Clock;
  readonly #store: LocalStore;
  readonly #keys: StoreKeys;
  readonly #self: UserId;
  #lastArrival: number;
  /** By group: the newest message that stands where the log has it; behind it are own ones that are under way. */
  readonly #placed = new Map<Address, number>();

  constructor(ports: HistoryPorts) {
    const { store, keys } = ports;
    this.#clock = ports.clock;
    this.#store = store;
    this.#keys = keys;
    this.#self = ports.self;
    const newest = store.scan(keys.arrivals, messageRef, { reverse: true, limit: 1 })[0];
    this.#lastArrival = newest === undefined ? 0 : lastNumber(newest.key);
  }

  /** Appends a message whose id is new in its conversation. */
  append(tx: Transaction, message: NewMessage): MessageRecord {
    const isReceived = message.from !== this.#self;
    const before = this.conversation(tx, message.conversation);
    const seq = before.lastSeq + 1;
    const arrival = isReceived ? this.#nextArrival() : undefined;
    const record: MessageRecord = { ...message, seq, arrival, logSeq: message.logSeq };
    this.#putConversation(tx, {
      ...before,
      lastSeq: seq,
      unread: before.unread + (isReceived ? 1 : 0),
      // A sender's clock that is ahead must not keep its conversation on top.
      lastTimestamp: Math.max(before.lastTimestamp, Math.min(message.timestamp, this.#clock.now())),
    });
    const ref = { conversation: message.conversation, seq };
    if (isGroup(message.conversation)) this.#noteAppended(tx, record);
    this.update(tx, record);
    this.#index(tx, record);
    if (arrival !== undefined) tx.put(this.#keys.arrival(arrival), messageRef, ref);
    return record;
  }

  /** The log of a group has been read up to this own message: it stands behind everything that the log has before it. */
  place(tx: Transaction, record: MessageRecord): MessageRecord {
    const { conversation } = record;
    const before = this.conversation(tx, conversation);
    if (record.seq > this.#placedUpTo(tx, conversation)) {
      this.#placed.set(conversation, record.seq);
      return record;
    }
    const moved: MessageRecord = { ...record, seq: before.lastSeq + 1 };
    this.#placed.set(conversation, moved.seq);
    tx.remove(this.#keys.message(conversation, record.seq));
    this.#putConversation(tx, { ...before, lastSeq: moved.seq });
    this.update(tx, moved);
    this.#index(tx, moved);
    return moved;
  }

  #noteAppended(tx: Transaction, { conversation, seq, logSeq }: MessageRecord): void {
    const placed = logSeq === undefined ? this.#placedUpTo(tx, conversation) : seq;
    this.#placed.set(conversation, placed);
  }

  #placedUpTo(reader: Reader, conversation: Address): number {
    const known = this.#placed.get(conversation);
    if (known !== undefined) return known;
    let { lastSeq: seq } = this.conversation(reader, conversation);
    while (seq > 0 && this.get(reader, conversation, seq)?.logSeq === undefined) seq -= 1;
    return seq;
  }

  update(tx: Transaction, record: MessageRecord): void {
    tx.put(this.#keys.message(record.conversation, record.seq), messageRecord, record);
  }

  get(reader: Reader, conversation: Address, seq: number): MessageRecord | undefined {
    return reader.get(this.#keys.message(conversation, seq), messageRecord);
  }

  /** The message that `from` sent under this id. */
  find(
    reader: Reader,
    name: { readonly conversation: Address; readonly from: UserId; readonly id: MessageId },
  ): MessageRecord | undefined {
    const key = this.#keys.messageId(name.conversation, name.from, name.id);
    const ref = reader.get(key, messageRef);
    return ref === undefined ? undefined : this.get(reader, ref.conversation, ref.seq);
  }

  /** The message of a conversation under this id: of a group the first one, else the peer's before one's own. */
  findAny(reader: Reader, conversation: Address, id: MessageId): MessageRecord | undefined {
    if (isGroup(conversation)) {
      const ref = reader.get(this.#keys.firstMessageId(conversation, id), messageRef);
      return ref === undefined ? undefined : this.get(reader, conversation, ref.seq);
    }
    return (
      this.find(reader, { conversation, from: conversation, id }) ??
      this.find(reader, { conversation, from: this.#self, id })
    );
  }

  /** At most `limit` messages below `before`, oldest first. */
  newest(conversation: Address, limit: number, before?: number): readonly MessageRecord[] {
    const options = {
      reverse: true,
      limit,
      ...(before === undefined ? {} : { to: this.#keys.message(conversation, before) }),
    };
    const rows = this.#store.scan(this.#keys.message(conversation), messageRecord, options);
    return rows.map(({ value }) => value).toReversed();
  }

  /** Messages from `seq` on, oldest first, a page at a time. */
  since(conversation: Address, seq: number, limit: number): readonly MessageRecord[] {
    const from = this.#keys.message(conversation, seq);
    const rows = this.#store.scan(this.#keys.message(conversation), messageRecord, { from, limit });
    return rows.map(({ value }) => value);
  }

  conversation(reader: Reader, conversation: Address): ConversationRecord {
    return (
      reader.get(this.#keys.conversation(conversation), conversationRecord) ?? {
        conversation,
        lastSeq: 0,
        readSeq: 0,
        unread: 0,
        lastTimestamp: 0,
        untold: [],
        printed: 0,
      }
    );
  }

  conversations(): readonly ConversationRecord[] {
    const rows = this.#store.all(this.#keys.conversations, conversationRecord);
    return Array.from(rows, ({ value }) => value);
  }

  changeConversation(
    tx: Transaction,
    conversation: Address,
    change: Partial<ConversationRecord>,
  ): void {
    this.#putConversation(tx, { ...this.conversation(tx, conversation), ...change });
  }

  #index(tx: Transaction, { conversation, from, id, seq }: MessageRecord): void {
    const ref = { conversation, seq };
    tx.put(this.#keys.messageId(conversation, from, id), messageRef, ref);
    if (!isGroup(conversation)) return;
    const first = this.findAny(tx, conversation, id);
    if (first === undefined || first.from === from)
      tx.put(this.#keys.firstMessageId(conversation, id), messageRef, ref);
  }

  #putConversation(tx: Transaction, record: ConversationRecord): void {
    tx.put(this.#keys.conversation(record.conversation), conversationRecord, record);
  }

  #nextArrival(): number {
    this.#lastArrival += 1;
    return this.#lastArrival;
  }
}

/** Whether two messages say the same; what makes a repeated id the same message. */
export function isSameContent(a: ContentBody, b: ContentBody): boolean {
  return isSameBytes(encode(contentBody, a), encode(contentBody, b));
}

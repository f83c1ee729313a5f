/** What a person does with messages: write, read back, search, print. Everything is read from the local store. */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import type { ContentBody } from '../protocol/bodies.ts';
import { FastChatError } from '../protocol/errors.ts';
import { isGroup, parseMessageId } from '../protocol/ids.ts';
import type { Address, MessageId, UserId } from '../protocol/ids.ts';
import { REQUEST_TIMEOUT_MS, STORE_RANGE_MAX } from '../protocol/limits.ts';
import type { Client, Message, MessageState, SentMessage, WaitFor } from './api.ts';
import type { GroupReceipts } from './groups/group-receipts.ts';
import type { Groups } from './groups/groups.ts';
import { newMessageId } from './message-id.ts';
import { messageView } from './message-view.ts';
import type { SendWaiters } from './outbox/send-waiters.ts';
import { isReached } from './outbox/send-waiters.ts';
import { isSameContent } from './store/history.ts';
import type { History } from './store/history.ts';
import type { LocalStore, Transaction } from './store/local-store.ts';
import type { DraftRecord, MessageRecord } from './store/records.ts';
import type { Watermarks } from './store/watermarks.ts';

export interface MessagesPorts {
  readonly self: UserId;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: LocalStore;
  readonly history: History;
  readonly watermarks: Watermarks;
  readonly waiters: SendWaiters;
  readonly submit: (tx: Transaction, draft: DraftRecord) => void;
  readonly isBlocked: (user: UserId) => boolean;
  readonly groups: Groups;
  readonly groupReceipts: GroupReceipts;
  /** What the operator allows, as far as known. */
  readonly textBytesMax: () => number;
}

type SendOptions = NonNullable<Parameters<Client['send']>[2]>;

export class Messages {
  readonly #ports: MessagesPorts;

  constructor(ports: MessagesPorts) {
    this.#ports = ports;
  }

  /** Sends `text`; the message is on the disk before anything leaves. */
  async send(to: Address, text: string, options: SendOptions): Promise<SentMessage> {
    const { clock, random, store } = this.#ports;
    await this.#checkRecipient(to);
    checkText(text, this.#ports.textBytesMax());
    const id = options.id === undefined ? newMessageId(clock, random) : parseMessageId(options.id);
    const name = { conversation: to, from: this.#ports.self, id };
    const content: ContentBody = { type: 'text', text };
    const { record, reached } = await store.transact((tx) => {
      const message = this.#submit(tx, name, content);
      return { record: message, reached: this.#wait(message, options) };
    });
    const state = await reached;
    const { seq, timestamp } = state === 'queued' ? record : await this.#inPlace(record);
    return { id, conversation: to, seq, timestamp, state };
  }

  /** Where a stored message stands: in a group that is known when the log was read up to it. */
  async #inPlace(record: MessageRecord): Promise<MessageRecord> {
    const { conversation } = record;
    if (!isGroup(conversation)) return record;
    const { store, history, groups } = this.#ports;
    const now = (): MessageRecord => history.find(store, record) ?? record;
    const { place, logSeq } = now();
    if (place !== undefined && logSeq !== undefined)
      await groups.placed(conversation, place.incarnation, logSeq);
    return now();
  }

  /** The newest `limit` messages before `before`, oldest first. @throws E_NO_SUCH_MESSAGE */
  list(conversation: Address, limit: number, before?: MessageId): readonly Message[] {
    const records: MessageRecord[] = [];
    let end = before === undefined ? undefined : this.#find(conversation, before).seq;
    while (records.length < limit) {
      const size = Math.min(limit - records.length, STORE_RANGE_MAX);
      const page = this.#ports.history.newest(conversation, size, end);
      records.unshift(...page);
      end = page[0]?.seq;
      if (page.length < size) break;
    }
    return records.map((record) => this.view(record));
  }

  view(record: MessageRecord): Message {
    return messageView(record, this.#stateOf(record));
  }

  /** @throws E_BLOCKED, E_NO_SUCH_GROUP, E_NOT_ADMIN */
  async #checkRecipient(to: Address): Promise<void> {
    if (isGroup(to)) return await this.#ports.groups.checkWriter(to);
    if (this.#ports.isBlocked(to))
      throw new FastChatError('E_BLOCKED', `you have blocked ${to}: unblock to write`);
  }

  /** Puts a new message into history and outbox; a known id is the message it was before. @throws E_USAGE */
  #submit(
    tx: Transaction,
    name: { readonly conversation: Address; readonly from: UserId; readonly id: MessageId },
    content: ContentBody,
  ): MessageRecord {
    const { history, clock } = this.#ports;
    const known = history.find(tx, name);
    if (known !== undefined && !isSameContent(known.content, content))
      throw new FastChatError('E_USAGE', `message ${name.id} was sent with another content`);
    if (known !== undefined && known.state !== 'failed') return known;
    const timestamp = known?.timestamp ?? clock.now();
    const record =
      known === undefined
        ? history.append(tx, { ...name, timestamp, content, state: 'queued', place: undefined })
        : this.#requeue(tx, known);
    const { conversation: to, id } = name;
    const life = isGroup(to) ? this.#ports.groups.feed(to)?.local.incarnation : undefined;
    const { seq } = record;
    this.#ports.submit(tx, { to, id, timestamp, quiet: false, body: content, seq, life });
    return record;
  }

  #requeue(tx: Transaction, failed: MessageRecord): MessageRecord {
    const record: MessageRecord = { ...failed, state: 'queued' };
    this.#ports.history.update(tx, record);
    return record;
  }

  /** Begins to wait before the flush, so that nothing that happens to the message is missed. */
  #wait(record: MessageRecord, options: SendOptions): Promise<MessageState> {
    const wanted: WaitFor = options.wait ?? 'stored';
    const state = record.state === 'queued' ? 'queued' : this.#stateOf(record);
    if (isReached(state, wanted)) return Promise.resolve(state);
    const name = { conversation: record.conversation, id: record.id };
    const timeoutMs = options.timeoutMs ?? REQUEST_TIMEOUT_MS;
    const reached = this.#ports.waiters.wait(name, wanted, timeoutMs);
    // The caller awaits it after the flush; until then a rejection has no other taker.
    reached.catch(() => undefined);
    return reached;
  }

  #find(conversation: Address, id: MessageId): MessageRecord {
    const { history, store } = this.#ports;
    const found = history.findAny(store, conversation, id);
    if (found === undefined)
      throw new FastChatError('E_NO_SUCH_MESSAGE', `${conversation} has no message ${id}`);
    return found;
  }

  #stateOf(record: MessageRecord): MessageState {
    const { history, store, watermarks, groupReceipts } = this.#ports;
    const isTaken = record.state === 'stored';
    if (isTaken && isGroup(record.conversation)) return groupReceipts.stateOf(store, record);
    if (record.state !== 'received') return watermarks.stateOf(store, record);
    const { readSeq } = history.conversation(store, record.conversation);
    return record.seq <= readSeq ? 'read' : 'delivered';
  }
}

function checkText(text: string, bytesMax: number): void {
  if (text === '') throw new FastChatError('E_USAGE', 'an empty message says nothing');
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax)
    throw new FastChatError(
      'E_TOO_LARGE',
      `the text has ${bytes} bytes; a message holds ${bytesMax}`,
    );
}

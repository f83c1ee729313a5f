/** What a person has read: counted here, told to the sender and to the person's own other devices, a few at a time. */
import type { ReadMark } from '../protocol/bodies.ts';
import { FastChatError } from '../protocol/errors.ts';
import { isGroup } from '../protocol/ids.ts';
import type { Address, GroupId, Incarnation, MessageId, UserId } from '../protocol/ids.ts';
import { CLIENT_SCAN_RECORDS, READ_MARKS_MAX } from '../protocol/limits.ts';
import type { History } from './store/history.ts';
import type { LocalStore, Transaction } from './store/local-store.ts';
import type { ConversationRecord, MessageRecord } from './store/records.ts';
import { mergeMarks } from './store/watermarks.ts';

export interface ReadsPorts {
  readonly self: UserId;
  readonly store: LocalStore;
  readonly history: History;
  /** Marks wait to be told. */
  readonly onUntold: () => void;
  /** A person has read a group's log up to here. */
  readonly onGroupRead: (group: GroupId, upTo: GroupPlace) => void;
}

/** An entry in the log of one life of a group. */
export interface GroupPlace {
  readonly incarnation: Incarnation;
  readonly logSeq: number;
}

interface Passed {
  readonly readSeq: number;
  readonly received: number;
  readonly marks: readonly ReadMark[];
  /** Newest entry of a group's log among them. */
  readonly inGroup: GroupPlace | undefined;
}

const NOTHING: Passed = { readSeq: 0, received: 0, marks: [], inGroup: undefined };

export class Reads {
  readonly #ports: ReadsPorts;
  /** Conversations with marks that were not told. */
  readonly #untold = new Set<Address>();

  constructor(ports: ReadsPorts) {
    this.#ports = ports;
    for (const { conversation, untold } of ports.history.conversations())
      if (untold.length > 0) this.#untold.add(conversation);
  }

  get untoldCount(): number {
    return this.#untold.size;
  }

  /** A person has read everything up to this message. @throws E_NO_SUCH_MESSAGE */
  async mark(conversation: Address, id: MessageId): Promise<void> {
    const { history, store } = this.#ports;
    await store.transact((tx) => {
      const found = history.findAny(tx, conversation, id);
      if (found === undefined)
        throw new FastChatError('E_NO_SUCH_MESSAGE', `${conversation} has no message ${id}`);
      const passed = this.#pass(tx, conversation, (record) => record.seq <= found.seq);
      const { marks, inGroup } = passed;
      if (isGroup(conversation) && inGroup !== undefined)
        return tx.after(() => this.#ports.onGroupRead(conversation, inGroup));
      if (isGroup(conversation) || marks.length === 0 || conversation === this.#ports.self) return;
      const { untold } = history.conversation(tx, conversation);
      history.changeConversation(tx, conversation, { untold: mergeMarks(untold, marks) });
      this.#untold.add(conversation);
      tx.after(() => this.#ports.onUntold());
    });
  }

  /** Another device of this account has read up to these marks. */
  markElsewhere(tx: Transaction, conversation: Address, marks: readonly ReadMark[]): void {
    this.#pass(tx, conversation, ({ place }) => {
      const mark = marks.find(({ device }) => device === place?.device);
      return place !== undefined && mark !== undefined && place.counter <= mark.counter;
    });
  }

  /** Another device of this account has read the log of this life of a group up to here. */
  markGroupElsewhere(tx: Transaction, group: GroupId, { incarnation, logSeq }: GroupPlace): void {
    this.#pass(tx, group, (record) => {
      const isThere = record.logSeq !== undefined && record.logSeq <= logSeq;
      return isThere && record.place?.incarnation === incarnation;
    });
  }

  /** Takes the marks that were not told yet, for as many as `tell` is then called. */
  takeUntold(
    tx: Transaction,
    tell: (conversation: UserId, upTo: readonly ReadMark[]) => void,
  ): void {
    for (const conversation of this.#untold) {
      const { untold } = this.#ports.history.conversation(tx, conversation);
      if (untold.length > 0 && !isGroup(conversation))
        tell(conversation, untold.slice(0, READ_MARKS_MAX));
      this.#ports.history.changeConversation(tx, conversation, { untold: [] });
    }
    this.#untold.clear();
  }

  /** Moves the reading position behind the last message that `covers` holds for. @returns what it passed */
  #pass(
    tx: Transaction,
    conversation: Address,
    covers: (record: MessageRecord) => boolean,
  ): Passed {
    const { history } = this.#ports;
    const before = history.conversation(tx, conversation);
    const passed = this.#scan(before, covers);
    if (passed.readSeq <= before.readSeq) return NOTHING;
    const unread = Math.max(0, before.unread - passed.received);
    history.changeConversation(tx, conversation, { readSeq: passed.readSeq, unread });
    return passed;
  }

  #scan(before: ConversationRecord, covers: (record: MessageRecord) => boolean): Passed {
    let passed: Passed = { ...NOTHING, readSeq: before.readSeq };
    let received = 0;
    let inGroup: GroupPlace | undefined;
    let marks: readonly ReadMark[] = [];
    for (const record of this.#after(before)) {
      const { place, state, seq } = record;
      if (state === 'received' && place !== undefined) {
        received += 1;
        marks = mergeMarks(marks, [place]);
        const { incarnation } = place;
        if (record.logSeq !== undefined) inGroup = { incarnation, logSeq: record.logSeq };
      }
      if (covers(record)) passed = { readSeq: seq, received, marks, inGroup };
    }
    return passed;
  }

  *#after({ conversation, readSeq }: ConversationRecord): Generator<MessageRecord> {
    let next = readSeq + 1;
    for (;;) {
      const page = this.#ports.history.since(conversation, next, CLIENT_SCAN_RECORDS);
      yield* page;
      next = (page.at(-1)?.seq ?? 0) + 1;
      if (page.length < CLIENT_SCAN_RECORDS) return;
    }
  }
}

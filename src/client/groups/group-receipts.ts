/**
 * What became of own messages in groups. A group tells how far each member has its log (in larger groups: how many have an
 * entry); a message is delivered, or read, when all the others have it who were members when it was taken.
 */
import { after, lastNumber } from '../../persist/keys.ts';
import type { GroupMark, GroupReceipts as Told } from '../../protocol/group-facts.ts';
import type { GroupId, Incarnation, UserId } from '../../protocol/ids.ts';
import { GROUP_RECEIPT_MEMBERS_MAX, GROUP_RECEIPT_SEQS_MAX } from '../../protocol/limits.ts';
import type { MessageState } from '../api.ts';
import type { EventHub } from '../events.ts';
import type { Seal } from '../outbox/lane.ts';
import type { SendWaiters } from '../outbox/send-waiters.ts';
import { groupMarksRecord } from '../store/group-records.ts';
import type { GroupMarksRecord } from '../store/group-records.ts';
import type { History } from '../store/history.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore, Reader, Transaction } from '../store/local-store.ts';
import { messageRef } from '../store/records.ts';
import type { DraftRecord, MessageRecord } from '../store/records.ts';
import type { LocalGroup } from './local-group.ts';

export interface GroupReceiptsPorts {
  readonly self: UserId;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly history: History;
  readonly events: EventHub;
  readonly waiters: SendWaiters;
  /** Another device of this account has read up to here. */
  readonly onRead: (tx: Transaction, local: LocalGroup, seq: number) => void;
}

type Step = 'delivered' | 'read';
const STEPS: readonly Step[] = ['delivered', 'read'];

export class GroupReceipts {
  readonly #ports: GroupReceiptsPorts;

  constructor(ports: GroupReceiptsPorts) {
    this.#ports = ports;
  }

  /** A node has stored an own message as entry `seq` of the group's log. */
  stored(
    tx: Transaction,
    local: LocalGroup | undefined,
    {
      draft,
      seal,
      seq,
    }: { readonly draft: DraftRecord; readonly seal: Seal; readonly seq: number },
  ): void {
    const { to, id } = draft;
    const { self, history, waiters, events } = this.#ports;
    const waiting = history.find(tx, { conversation: to, from: self, id });
    if (waiting === undefined) return;
    const { incarnation, device, counter } = seal.envelope;
    const place = { incarnation, device, counter };
    const record: MessageRecord = { ...waiting, state: 'stored', place, logSeq: seq };
    history.update(tx, record);
    waiters.reached({ conversation: to, id }, 'stored');
    tx.after(() => events.emit({ type: 'sent', id, conversation: to, state: 'stored' }));
    if (local?.incarnation === incarnation) this.placed(tx, local, record, seq);
  }

  /** An own message stands in the log at `seq`; marks that came before it count. */
  placed(tx: Transaction, local: LocalGroup, record: MessageRecord, seq: number): void {
    const { keys } = this.#ports;
    const { group, incarnation } = local;
    const ref = { conversation: group, seq: record.seq };
    tx.put(keys.groupSent(group, incarnation, seq), messageRef, ref);
    const before = this.#marks(tx, group, incarnation);
    if (seq <= before.sent) return;
    const next = { ...before, sent: seq };
    tx.put(keys.groupMarks(group), groupMarksRecord, next);
    for (const mark of before.marks) {
      const known = { user: mark.user, delivered: seq - 1, read: seq - 1 };
      for (const step of STEPS) this.#tellMember(tx, local, step, { known, next: mark });
    }
    this.#raiseAll(tx, local, this.#reachedByAll(local, next));
  }

  /** Members got further. */
  async told(local: LocalGroup, marks: readonly GroupMark[]): Promise<void> {
    await this.#ports.store.transact((tx) => this.#take(tx, local, marks));
  }

  /** The answer to a question about own messages. */
  async answered(local: LocalGroup, { marks, counts }: Told): Promise<void> {
    await this.#ports.store.transact((tx) => {
      this.#take(tx, local, marks);
      const all = { delivered: 0, read: 0 };
      for (const count of counts) {
        const wanted = this.#others(local, count.seq).length;
        for (const step of STEPS)
          if (count[step] >= wanted) all[step] = Math.max(all[step], count.seq);
      }
      this.#raiseAll(tx, local, all);
    });
  }

  /** Own messages that not everybody has got yet, the newest of them. */
  open({ group, incarnation }: LocalGroup): readonly number[] {
    const { store, keys } = this.#ports;
    const { read, sent } = this.#marks(store, group, incarnation);
    if (sent <= read) return [];
    const from = keys.groupSent(group, incarnation, read + 1);
    const range = { from, reverse: true, limit: GROUP_RECEIPT_SEQS_MAX };
    const rows = store.scan(keys.groupSent(group, incarnation), messageRef, range);
    return rows.map(({ key }) => lastNumber(key)).toReversed();
  }

  /** The state of an own message that a node has taken. */
  stateOf(reader: Reader, { conversation, place, logSeq }: MessageRecord): MessageState {
    if (place === undefined || logSeq === undefined) return 'stored';
    const { delivered, read } = this.#marks(reader, conversation as GroupId, place.incarnation);
    if (logSeq <= read) return 'read';
    return logSeq <= delivered ? 'delivered' : 'stored';
  }

  #take(tx: Transaction, local: LocalGroup, told: readonly GroupMark[]): void {
    const { self, keys, onRead } = this.#ports;
    const { group, incarnation } = local;
    const before = this.#marks(tx, group, incarnation);
    const marks = new Map(before.marks.map((mark) => [mark.user, mark]));
    for (const mark of told) {
      if (mark.user === self) onRead(tx, local, mark.read);
      if (mark.user === self || local.roleOf(mark.user) === undefined) continue;
      const known = marks.get(mark.user) ?? { user: mark.user, delivered: 0, read: 0 };
      const delivered = Math.max(known.delivered, mark.delivered);
      const next = { user: mark.user, delivered, read: Math.max(known.read, mark.read) };
      if (marks.has(mark.user) || marks.size < GROUP_RECEIPT_MEMBERS_MAX)
        marks.set(mark.user, next);
      for (const step of STEPS) this.#tellMember(tx, local, step, { known, next });
    }
    const list = [...marks.values()].filter(({ user }) => local.roleOf(user) !== undefined);
    const now = { ...before, marks: list };
    tx.put(keys.groupMarks(group), groupMarksRecord, now);
    this.#raiseAll(tx, local, this.#reachedByAll(local, now));
  }

  #tellMember(
    tx: Transaction,
    local: LocalGroup,
    step: Step,
    { known, next }: { readonly known: GroupMark; readonly next: GroupMark },
  ): void {
    if (next[step] <= known[step]) return;
    const { events } = this.#ports;
    const by = next.user;
    const since = local.facts.since.get(by) ?? 0;
    const range = { from: Math.max(known[step] + 1, since), to: next[step] };
    tx.after(() => {
      for (const { id, conversation } of this.#sent(local, range))
        events.emit({ type: 'receipt', id, conversation, by, state: step });
    });
  }

  /** Up to which own message everybody else has come. */
  #reachedByAll(
    local: LocalGroup,
    { marks: list, delivered, read, sent }: GroupMarksRecord,
  ): { readonly delivered: number; readonly read: number } {
    const { self } = this.#ports;
    const marks = new Map(list.map((mark) => [mark.user, mark]));
    const reached = { delivered: sent, read: sent };
    for (const user of local.facts.roster?.members.keys() ?? []) {
      if (user === self) continue;
      const since = local.facts.since.get(user) ?? 0;
      const mark = marks.get(user);
      // What was before a member came in is not for them.
      for (const step of STEPS)
        reached[step] = Math.min(reached[step], Math.max(mark?.[step] ?? 0, since - 1));
    }
    return {
      delivered: Math.max(delivered, reached.delivered),
      read: Math.max(read, reached.read),
    };
  }

  #raiseAll(
    tx: Transaction,
    local: LocalGroup,
    all: { readonly delivered: number; readonly read: number },
  ): void {
    const { keys, waiters } = this.#ports;
    const { group, incarnation } = local;
    const before = this.#marks(tx, group, incarnation);
    const next = {
      ...before,
      delivered: Math.max(before.delivered, all.delivered, all.read),
      read: Math.max(before.read, all.read),
    };
    tx.put(keys.groupMarks(group), groupMarksRecord, next);
    for (const step of STEPS)
      tx.after(() => {
        const range = { from: before[step] + 1, to: next[step] };
        for (const { id, conversation } of this.#sent(local, range)) {
          waiters.reached({ conversation, id }, step);
          this.#ports.events.emit({ type: 'sent', id, conversation, state: step });
        }
      });
  }

  #others({ facts }: LocalGroup, seq: number): readonly UserId[] {
    const { self } = this.#ports;
    return [...facts.since].flatMap(([user, since]) =>
      user !== self && since <= seq ? [user] : [],
    );
  }

  *#sent(
    { group, incarnation }: LocalGroup,
    { from, to }: { readonly from: number; readonly to: number },
  ): Generator<MessageRecord> {
    const { store, keys, history } = this.#ports;
    if (from > to) return;
    const end = after(keys.groupSent(group, incarnation, to));
    const rows = store.all(
      keys.groupSent(group, incarnation),
      messageRef,
      keys.groupSent(group, incarnation, from),
    );
    for (const { key, value } of rows) {
      if (Buffer.compare(key, end) >= 0) return;
      const record = history.get(store, value.conversation, value.seq);
      if (record !== undefined) yield record;
    }
  }

  #marks(reader: Reader, group: GroupId, incarnation: Incarnation): GroupMarksRecord {
    const known = reader.get(this.#ports.keys.groupMarks(group), groupMarksRecord);
    if (known?.incarnation === incarnation) return known;
    return { incarnation, marks: [], delivered: 0, read: 0, sent: 0 };
  }
}

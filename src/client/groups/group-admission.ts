/** Takes what was read of a group into the store: each message once, in the order of the log, with every gap shown. */
import type { OpenedGroupMessage } from '../../crypto/opening/group-message.ts';
import { assertNever } from '../../protocol/errors.ts';
import type { GroupId, UserId } from '../../protocol/ids.ts';
import type { EventHub } from '../events.ts';
import type { MessageChains } from '../inbox/message-chains.ts';
import { messageEvent } from '../message-view.ts';
import type { History } from '../store/history.ts';
import type { Transaction } from '../store/local-store.ts';
import type { MessageRecord } from '../store/records.ts';
import type { GroupOpening } from './group-opener.ts';
import type { GroupReceipts } from './group-receipts.ts';
import type { LocalGroup } from './local-group.ts';

export interface GroupAdmissionPorts {
  readonly self: UserId;
  readonly history: History;
  readonly chains: MessageChains;
  readonly receipts: GroupReceipts;
  readonly events: EventHub;
}

export class GroupAdmission {
  readonly #ports: GroupAdmissionPorts;

  constructor(ports: GroupAdmissionPorts) {
    this.#ports = ports;
  }

  /** Events fire when `tx` is flushed. */
  admit(tx: Transaction, local: LocalGroup, opening: GroupOpening): void {
    const { events } = this.#ports;
    switch (opening.type) {
      case 'message':
        return this.#message(tx, local, opening);
      case 'event':
        return tx.after(() => events.emit(opening.event));
      case 'refused': {
        const { from, error } = opening;
        const what = from === undefined ? 'an operation' : `a message from ${from}`;
        const text = `${what} in ${local.group} was refused: ${error.message}`;
        return tx.after(() => events.warn(error.code, text, from));
      }
      default:
        return assertNever(opening);
    }
  }

  #message(
    tx: Transaction,
    local: LocalGroup,
    { seq, since, message }: Extract<GroupOpening, { type: 'message' }>,
  ): void {
    // Somebody who was let in again has missed what was between.
    if (!this.#ports.chains.follow(tx, message, ` ${since}`)) return;
    if (message.body.type === 'read') return;
    if (message.from === this.#ports.self) this.#own(tx, local, seq, message);
    else this.#received(tx, local.group, seq, message);
  }

  #received(tx: Transaction, group: GroupId, seq: number, message: OpenedGroupMessage): void {
    const { history, events } = this.#ports;
    const { from, id } = message;
    // The same id again is the same message: its sender's device was replaced and could not know that it had arrived.
    if (history.find(tx, { conversation: group, from, id }) !== undefined) return;
    const record = history.append(tx, { ...said(group, seq, message), state: 'received' });
    tx.after(() => events.emit(messageEvent(record)));
  }

  /** This account's: by this device, then it takes its place in the order of the log, or by another one. */
  #own(tx: Transaction, local: LocalGroup, seq: number, message: OpenedGroupMessage): void {
    const { history, receipts, events } = this.#ports;
    const { group } = local;
    const { from, id } = message;
    const known = history.find(tx, { conversation: group, from, id });
    if (known !== undefined) return this.#place(tx, local, known, seq);
    const record = history.append(tx, { ...said(group, seq, message), state: 'stored' });
    receipts.placed(tx, local, record, seq);
    tx.after(() => events.emit({ type: 'sent', id, conversation: group, state: 'stored' }));
  }

  #place(tx: Transaction, local: LocalGroup, known: MessageRecord, seq: number): void {
    const { history, receipts } = this.#ports;
    const placed: MessageRecord = { ...known, logSeq: seq };
    history.update(tx, placed);
    receipts.placed(tx, local, history.place(tx, placed), seq);
  }
}

function said(
  conversation: GroupId,
  logSeq: number,
  { from, id, timestamp, body, incarnation, device, counter }: OpenedGroupMessage,
): Omit<MessageRecord, 'seq' | 'arrival' | 'state'> {
  const place = { incarnation, device, counter };
  return { conversation, from, id, timestamp, content: body, place, logSeq };
}

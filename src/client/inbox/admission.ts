/** Takes opened messages into the store: each once, in the order of its sender, with every gap shown. */
import type { OpenedMessage } from '../../crypto/opening/direct-message.ts';
import type { SyncItem } from '../../protocol/bodies.ts';
import { assertNever } from '../../protocol/errors.ts';
import { isUser } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import { messageEvent } from '../message-view.ts';
import type { EventHub } from '../events.ts';
import type { Reads } from '../reads.ts';
import type { Receipts } from '../receipts.ts';
import type { History, NewMessage } from '../store/history.ts';
import type { Transaction } from '../store/local-store.ts';
import type { LogPlace } from '../store/records.ts';
import type { Watermarks } from '../store/watermarks.ts';
import type { MessageChains } from './message-chains.ts';

export interface AdmissionPorts {
  readonly self: UserId;
  readonly chains: MessageChains;
  readonly history: History;
  readonly watermarks: Watermarks;
  readonly receipts: Receipts;
  readonly reads: Reads;
  readonly events: EventHub;
  /** The life of a peer's log as this home knows it now. */
  readonly incarnationOf: (peer: UserId) => LogPlace['incarnation'] | undefined;
}

type Said = Pick<NewMessage, 'id' | 'timestamp' | 'place'>;

export class Admission {
  readonly #ports: AdmissionPorts;

  constructor(ports: AdmissionPorts) {
    this.#ports = ports;
  }

  /** One opened message; what was admitted before changes nothing. Events fire when `tx` is flushed. */
  admit(tx: Transaction, message: OpenedMessage): void {
    if (!this.#ports.chains.follow(tx, message)) return;
    const { body, from } = message;
    switch (body.type) {
      case 'text':
      case 'file':
        return this.#addMessage(tx, from, { ...said(message), content: body });
      case 'read':
        return this.#ports.receipts.read(tx, from, body.upTo);
      case 'sync':
        for (const item of body.items) this.#addSync(tx, message, item);
        return undefined;
      default:
        return assertNever(body);
    }
  }

  #addMessage(tx: Transaction, from: UserId, message: Said & Pick<NewMessage, 'content'>): void {
    const { self, history, events } = this.#ports;
    // The same id again is the same message: its sender's device was replaced and could not know that it had arrived.
    if (history.find(tx, { conversation: from, from, id: message.id }) !== undefined) return;
    const state = from === self ? 'stored' : 'received';
    const record = history.append(tx, { ...message, conversation: from, from, state });
    tx.after(() => events.emit(messageEvent(record)));
  }

  #addSync(tx: Transaction, message: OpenedMessage, item: SyncItem): void {
    const { conversation, body, id, timestamp, counter } = item;
    if (body.type === 'read') return this.#ports.reads.markElsewhere(tx, conversation, body.upTo);
    const { self, history, watermarks, events } = this.#ports;
    if (history.find(tx, { conversation, from: self, id }) !== undefined) return;
    const place = this.#placeOf(item, message);
    const told = { conversation, from: self, id, timestamp, content: body, place };
    const record = history.append(tx, { ...told, state: 'stored' });
    if (place !== undefined && counter !== undefined) watermarks.placed(tx, record, place);
    tx.after(() => events.emit({ type: 'sent', id, conversation, state: 'stored' }));
  }

  /** Where another device's message stands in its recipient's log, so that receipts find it. */
  #placeOf(item: SyncItem, { device }: OpenedMessage): LogPlace | undefined {
    const { conversation, counter } = item;
    if (counter === undefined || !isUser(conversation)) return undefined;
    const incarnation = this.#ports.incarnationOf(conversation);
    return incarnation === undefined ? undefined : { incarnation, device, counter };
  }
}

function said({ id, timestamp, incarnation, device, counter }: OpenedMessage): Said {
  return { id, timestamp, place: { incarnation, device, counter } };
}

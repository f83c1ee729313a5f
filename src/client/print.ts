/** Which received messages a `tail` has printed before: by conversation, and in the order of arrival over all. */
import type { Address } from '../protocol/ids.ts';
import { CLIENT_SCAN_RECORDS } from '../protocol/limits.ts';
import type { History } from './store/history.ts';
import type { StoreKeys } from './store/keys.ts';
import type { LocalStore } from './store/local-store.ts';
import { lastNumber } from '../persist/keys.ts';
import { messageRef, printedRecord } from './store/records.ts';
import type { MessageRecord } from './store/records.ts';

export interface PrintPorts {
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly history: History;
}

export interface Unprinted {
  readonly records: readonly MessageRecord[];
  /** The arrival looked at last; undefined when one conversation was asked for. */
  readonly arrival: number | undefined;
}

/** At most `limit` received messages that no `tail` has printed. */
export function findUnprinted(
  ports: PrintPorts,
  conversation: Address | undefined,
  limit: number,
): Unprinted {
  return conversation === undefined ? ofAll(ports, limit) : ofOne(ports, conversation, limit);
}

/** From now on these count as printed. */
export async function markPrinted(
  ports: PrintPorts,
  { records, arrival }: Unprinted,
): Promise<void> {
  const { store, keys, history } = ports;
  await store.transact((tx) => {
    for (const { conversation, seq } of records) {
      const { printed } = history.conversation(tx, conversation);
      if (seq > printed) history.changeConversation(tx, conversation, { printed: seq });
    }
    if (arrival !== undefined) tx.put(keys.printed, printedRecord, { arrival });
  });
}

function ofOne({ store, history }: PrintPorts, conversation: Address, limit: number): Unprinted {
  const records: MessageRecord[] = [];
  let next = history.conversation(store, conversation).printed + 1;
  for (;;) {
    const page = history.since(conversation, next, CLIENT_SCAN_RECORDS);
    for (const record of page)
      if (record.state === 'received' && records.length < limit) records.push(record);
    next = (page.at(-1)?.seq ?? 0) + 1;
    const isEnd = page.length < CLIENT_SCAN_RECORDS || records.length >= limit;
    if (isEnd) return { records, arrival: undefined };
  }
}

function ofAll({ store, keys, history }: PrintPorts, limit: number): Unprinted {
  const records: MessageRecord[] = [];
  let arrival = store.get(keys.printed, printedRecord)?.arrival ?? 0;
  const from = keys.arrival(arrival + 1);
  for (const { key, value } of store.all(keys.arrivals, messageRef, from)) {
    if (records.length >= limit) break;
    arrival = lastNumber(key);
    const { printed } = history.conversation(store, value.conversation);
    const record = history.get(store, value.conversation, value.seq);
    if (record !== undefined && value.seq > printed) records.push(record);
  }
  return { records, arrival };
}

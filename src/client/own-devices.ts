/**
 * Tells what this device does to the others of its account (what it sent, what was read) and to senders what was read:
 * quiet sealed messages, several things in one. What is not told yet is on the disk, so a crash loses none of it.
 */
import { bodyBytes } from '../crypto/opening/direct-message.ts';
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { lastNumber } from '../persist/keys.ts';
import type { ReadMark, SyncItem } from '../protocol/bodies.ts';
import type { UserId } from '../protocol/ids.ts';
import {
  DIRECT_BODY_BYTES_MAX,
  SYNC_COALESCE_MESSAGES,
  SYNC_COALESCE_MS,
} from '../protocol/limits.ts';
import { Coalescer } from './coalescer.ts';
import type { EventHub } from './events.ts';
import { newMessageId } from './message-id.ts';
import type { Reads } from './reads.ts';
import type { History } from './store/history.ts';
import type { StoreKeys } from './store/keys.ts';
import type { LocalStore, Transaction } from './store/local-store.ts';
import { messageRef } from './store/records.ts';
import type { DraftRecord, MessageRecord } from './store/records.ts';

export interface OwnDevicesPorts {
  readonly self: UserId;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventHub;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly history: History;
  readonly reads: Reads;
  readonly submit: (tx: Transaction, draft: DraftRecord) => void;
  readonly isOnline: () => boolean;
}

/** Room for what a sync body has besides its items. */
const SYNC_OVERHEAD_BYTES = 64;

export class OwnDevices {
  readonly #ports: OwnDevicesPorts;
  readonly #coalescer: Coalescer;
  #lastOrdinal = 0;

  constructor(ports: OwnDevicesPorts) {
    this.#ports = ports;
    this.#coalescer = new Coalescer({
      clock: ports.clock,
      delayMs: SYNC_COALESCE_MS,
      countMax: SYNC_COALESCE_MESSAGES,
      isReady: ports.isOnline,
      say: () => this.#say(),
    });
    this.#load();
  }

  /** A node has stored this message of this device. */
  sent(tx: Transaction, { conversation, seq }: MessageRecord): void {
    // A note to oneself reaches the other devices as it is.
    if (conversation === this.#ports.self) return;
    this.#lastOrdinal += 1;
    tx.put(this.#ports.keys.untold(this.#lastOrdinal), messageRef, { conversation, seq });
    tx.after(() => this.#coalescer.add());
  }

  /** A person has read something. */
  read(): void {
    this.#coalescer.addLater();
  }

  /** Puts everything that is to be told into the outbox, if there is a session to send it by. */
  flush(): void {
    this.#coalescer.flush();
  }

  #load(): void {
    const { store, keys, reads } = this.#ports;
    let count = reads.untoldCount;
    for (const { key } of store.all(keys.untoldMessages, messageRef)) {
      this.#lastOrdinal = lastNumber(key);
      count += 1;
    }
    if (count > 0) this.#coalescer.add(count);
  }

  #say(): void {
    const done = this.#ports.store.transact((tx) => {
      const items = this.#takeReads(tx);
      for (const [ordinal, item] of this.#untoldItems(tx)) {
        items.push(item);
        tx.remove(this.#ports.keys.untold(ordinal));
      }
      for (const batch of inBatches(items)) this.#submit(tx, this.#ports.self, batch);
    });
    this.#ports.events.background(done);
  }

  #takeReads(tx: Transaction): SyncItem[] {
    const items: SyncItem[] = [];
    this.#ports.reads.takeUntold(tx, (conversation, upTo) => {
      const read = this.#readDraft(conversation, upTo);
      this.#ports.submit(tx, read);
      const { id, timestamp } = read;
      const body = { type: 'read', upTo } as const;
      items.push({ conversation, id, counter: undefined, timestamp, body });
    });
    return items;
  }

  *#untoldItems(tx: Transaction): Generator<readonly [number, SyncItem]> {
    const { store, keys, history } = this.#ports;
    for (const { key, value } of store.all(keys.untoldMessages, messageRef)) {
      const record = history.get(tx, value.conversation, value.seq);
      if (record !== undefined) yield [lastNumber(key), itemOf(record)];
    }
  }

  #readDraft(to: UserId, upTo: readonly ReadMark[]): DraftRecord {
    return { ...this.#quiet(to), body: { type: 'read', upTo } };
  }

  #submit(tx: Transaction, to: UserId, items: readonly SyncItem[]): void {
    this.#ports.submit(tx, { ...this.#quiet(to), body: { type: 'sync', items } });
  }

  #quiet(to: UserId): Omit<DraftRecord, 'body'> {
    const { clock, random } = this.#ports;
    const id = newMessageId(clock, random);
    return { to, id, timestamp: clock.now(), quiet: true, seq: undefined, life: undefined };
  }
}

function itemOf({ conversation, id, timestamp, content, place }: MessageRecord): SyncItem {
  return { conversation, id, counter: place?.counter, timestamp, body: content };
}

/** Splits items so that each batch fits one envelope. */
function inBatches(items: readonly SyncItem[]): readonly SyncItem[][] {
  const batches: SyncItem[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bodyBytes({ type: 'sync', items: [item] });
    const last = batches.at(-1);
    const fits = bytes + size + SYNC_OVERHEAD_BYTES <= DIRECT_BODY_BYTES_MAX;
    if (last !== undefined && fits && last.length < SYNC_COALESCE_MESSAGES) last.push(item);
    else batches.push([item]);
    bytes = batches.at(-1)?.length === 1 ? size : bytes + size;
  }
  return batches;
}

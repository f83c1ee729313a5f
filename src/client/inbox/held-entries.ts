/** Entries that are kept unopened: of senders whose keys are not accepted yet, and those this client is too old for. */
import type { LogEntry } from '../../protocol/envelope.ts';
import type { UserId } from '../../protocol/ids.ts';
import { HELD_ENVELOPES_MAX } from '../../protocol/limits.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore, Transaction } from '../store/local-store.ts';
import { heldRecord } from '../store/records.ts';
import type { HeldRecord } from '../store/records.ts';

export class HeldEntries {
  readonly #store: LocalStore;
  readonly #keys: StoreKeys;
  readonly #counts = new Map<UserId, number>();

  constructor(store: LocalStore, keys: StoreKeys) {
    this.#store = store;
    this.#keys = keys;
    for (const { value } of store.all(keys.held, heldRecord)) this.#count(value.from, 1);
  }

  senders(): readonly UserId[] {
    return [...this.#counts.keys()];
  }

  has(sender: UserId): boolean {
    return this.#counts.has(sender);
  }

  /** In the order of the log. */
  of(sender: UserId): readonly HeldRecord[] {
    const rows = this.#store.all(this.#keys.heldOf(sender), heldRecord);
    return Array.from(rows, ({ value }) => value);
  }

  /** False: HELD_ENVELOPES_MAX of this sender are held already, so this one is dropped. */
  add(tx: Transaction, entry: LogEntry): boolean {
    const { from } = entry.envelope;
    if ((this.#counts.get(from) ?? 0) >= HELD_ENVELOPES_MAX) return false;
    tx.put(this.#keys.heldOf(from, entry.seq), heldRecord, { from, entry });
    this.#count(from, 1);
    return true;
  }

  remove(tx: Transaction, entry: LogEntry): void {
    const { from } = entry.envelope;
    tx.remove(this.#keys.heldOf(from, entry.seq));
    this.#count(from, -1);
  }

  /** Kept for a newer client, out of everybody's way. */
  keepUnsupported(tx: Transaction, entry: LogEntry): void {
    const { from } = entry.envelope;
    tx.put(this.#keys.unsupported(entry.seq), heldRecord, { from, entry });
  }

  #count(sender: UserId, change: number): void {
    const count = (this.#counts.get(sender) ?? 0) + change;
    if (count > 0) this.#counts.set(sender, count);
    else this.#counts.delete(sender);
  }
}

/** The drafts on disk and the lanes they stand in: what waits survives a crash, with the very bytes that may have left. */
import type { Clock } from '../../ops/clock.ts';
import { lastNumber } from '../../persist/keys.ts';
import { FastChatError, invariant } from '../../protocol/errors.ts';
import type { Address, DeviceId, UserId } from '../../protocol/ids.ts';
import { OUTBOX_MESSAGES_MAX } from '../../protocol/limits.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore, Reader, Transaction } from '../store/local-store.ts';
import { draftRecord, laneRecord, sealedRecord } from '../store/records.ts';
import type { DraftRecord } from '../store/records.ts';
import { Lane } from './lane.ts';
import type { Seal } from './lane.ts';
import type { Sealing } from './sealing.ts';

/** Who sends from this home. */
export interface Author {
  readonly user: UserId;
  /** The device that counts; undefined before the first login. */
  readonly device: DeviceId | undefined;
  readonly identityPrivateKey: Uint8Array;
}

export interface OutboxPorts {
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly author: () => Author;
}

interface IdleWaiter {
  readonly isIdle: () => boolean;
  readonly resolve: () => void;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #lanes = new Map<Address, Lane>();
  #lastOrdinal = 0;
  /** Drafts that a person waits for, and all of them. */
  #loud = 0;
  #all = 0;
  readonly #idle = new Set<IdleWaiter>();

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Reads what an earlier run left behind. */
  load(): void {
    const { store, keys } = this.#ports;
    for (const { key, value: draft } of store.all(keys.drafts, draftRecord)) {
      const ordinal = lastNumber(key);
      const sealed = store.get(keys.sealed(ordinal), sealedRecord);
      const isOurs = sealed?.envelope.device === this.#ports.author().device;
      this.#place(draft, ordinal, isOurs ? sealed : undefined);
    }
  }

  get loud(): number {
    return this.#loud;
  }

  get all(): number {
    return this.#all;
  }

  /** Resolves when nothing waits, or nothing that a person waits for. @throws E_TIMEOUT */
  emptied(clock: Clock, timeoutMs: number, what: 'all' | 'loud'): Promise<void> {
    const isIdle = (): boolean => (what === 'all' ? this.#all : this.#loud) === 0;
    if (isIdle()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = clock.after(timeoutMs, () => {
        this.#idle.delete(waiter);
        reject(new FastChatError('E_TIMEOUT', 'messages are left in the outbox'));
      });
      const waiter: IdleWaiter = {
        isIdle,
        resolve: () => {
          timer.cancel();
          resolve();
        },
      };
      this.#idle.add(waiter);
    });
  }

  /** Everybody to whom something waits. */
  recipients(): readonly Address[] {
    return [...this.#lanes.keys()];
  }

  laneOf(to: Address): Lane {
    const known = this.#lanes.get(to);
    if (known !== undefined) return known;
    const base = this.#ports.store.get(this.#ports.keys.lane(to), laneRecord);
    const lane = new Lane(base?.device === this.#ports.author().device ? base : undefined);
    this.#lanes.set(to, lane);
    return lane;
  }

  /** Appends a draft to its recipient's lane. @throws E_RATE_LIMITED when OUTBOX_MESSAGES_MAX wait already */
  enqueue(tx: Transaction, draft: DraftRecord): void {
    if (!draft.quiet && this.#loud >= OUTBOX_MESSAGES_MAX)
      throw new FastChatError('E_RATE_LIMITED', 'the outbox is full: wait until some are stored');
    const ordinal = this.#lastOrdinal + 1;
    tx.put(this.#ports.keys.draft(ordinal), draftRecord, draft);
    this.#place(draft, ordinal, undefined);
  }

  draft(reader: Reader, ordinal: number): DraftRecord {
    const draft = reader.get(this.#ports.keys.draft(ordinal), draftRecord);
    invariant(draft !== undefined, 'what waits in a lane is on the disk');
    return draft;
  }

  /**
   * Seals what the window has room for; the seals may leave when `tx` is flushed. Messages that cannot be sealed at all
   * are answered and stay unsealed.
   */
  seal(tx: Transaction, to: Address, sealing: Sealing): FastChatError | undefined {
    const author = this.#ports.author();
    const lane = this.laneOf(to);
    if (author.device === undefined || !lane.rebase(sealing.incarnation, author.device))
      return undefined;
    for (const ordinal of lane.sealable()) {
      const seal = this.#sealOne(this.draft(tx, ordinal), lane, sealing);
      if (seal instanceof FastChatError) return seal;
      tx.put(this.#ports.keys.sealed(ordinal), sealedRecord, seal);
      lane.sealed(ordinal, seal);
      tx.after(() => lane.saved(ordinal));
    }
    return undefined;
  }

  /** Takes out what a node has stored, and notes how far the lane got. undefined: it was taken out before. */
  stored(
    tx: Transaction,
    to: Address,
    ordinal: number,
  ): { readonly draft: DraftRecord; readonly seal: Seal } | undefined {
    const lane = this.laneOf(to);
    const seal = lane.stored(ordinal);
    if (seal === undefined) return undefined;
    const draft = this.draft(tx, ordinal);
    this.#remove(tx, draft, ordinal);
    if (lane.base !== undefined) tx.put(this.#ports.keys.lane(to), laneRecord, lane.base);
    return { draft, seal };
  }

  /** Takes out what can never be stored. */
  drop(tx: Transaction, to: Address, ordinal: number): DraftRecord {
    const lane = this.laneOf(to);
    const draft = this.draft(tx, ordinal);
    this.#remove(tx, draft, ordinal);
    lane.refused(ordinal, 'never');
    return draft;
  }

  /** Lets go of a lane with nothing in it: what it knew is on the disk. */
  forget(to: Address): void {
    invariant(this.laneOf(to).isEmpty, 'only an empty lane is let go of');
    this.#lanes.delete(to);
  }

  /** This home has another device: counters begin anew, whatever was sealed by the old one is sealed again. */
  deviceChanged(): void {
    for (const lane of this.#lanes.values()) lane.unsealAll();
  }

  #place(draft: DraftRecord, ordinal: number, seal: Seal | undefined): void {
    this.laneOf(draft.to).add(ordinal, seal);
    this.#lastOrdinal = ordinal;
    this.#all += 1;
    if (!draft.quiet) this.#loud += 1;
  }

  #sealOne(draft: DraftRecord, lane: Lane, sealing: Sealing): Seal | FastChatError {
    const { user, device, identityPrivateKey } = this.#ports.author();
    invariant(device !== undefined, 'a device seals');
    const { to, id, timestamp, quiet, body, life } = draft;
    if (life !== undefined && life !== sealing.incarnation)
      return new FastChatError('E_NO_SUCH_GROUP', `the ${to} it was written for is no more`);
    const said = { to, id, timestamp, quiet, body };
    try {
      return sealing.seal({ ...said, from: user, device, ...lane.nextLink() }, identityPrivateKey);
    } catch (cause) {
      // Too long, or a recipient with an unusable key: the message's fault, not the program's.
      if (cause instanceof FastChatError) return cause;
      throw cause;
    }
  }

  #remove(tx: Transaction, draft: DraftRecord, ordinal: number): void {
    tx.remove(this.#ports.keys.draft(ordinal));
    tx.remove(this.#ports.keys.sealed(ordinal));
    this.#all -= 1;
    if (!draft.quiet) this.#loud -= 1;
    tx.after(() => this.#tellIdle());
  }

  #tellIdle(): void {
    for (const waiter of this.#idle) {
      if (!waiter.isIdle()) continue;
      this.#idle.delete(waiter);
      waiter.resolve();
    }
  }
}

/**
 * The keys of one life of a group, by epoch. A key is known because it came sealed and is the one that the chain commits
 * to, because it follows from the one before, or because it was made here; nothing else is ever kept.
 */
import { keyCommitment, nextGroupKey, openGroupKey } from '../../crypto/opening/group-keys.ts';
import type { EpochKey } from '../../crypto/opening/group-message.ts';
import { SecretBytes } from '../../crypto/secrets.ts';
import type { KeyPair, OpeningSuite } from '../../crypto/suite.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import { keySourceOf } from '../../protocol/group-roster.ts';
import type { EpochSeal, GroupOperation } from '../../protocol/group-log.ts';
import type { GroupId, Incarnation } from '../../protocol/ids.ts';
import { GROUP_KEYS_CACHED_MAX, GROUP_KEYS_OFFERED_MAX } from '../../protocol/limits.ts';
import { groupEpochRecord } from '../store/group-records.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore, Transaction } from '../store/local-store.ts';

export interface KeyringPorts {
  readonly suite: OpeningSuite;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
}

interface Epoch {
  readonly commitment: Uint8Array;
  /** By which it follows from the key before; undefined: it comes sealed. */
  readonly statement: Uint8Array | undefined;
  key: SecretBytes | undefined;
}

export class GroupKeyring {
  readonly #ports: KeyringPorts;
  readonly #place: { readonly group: GroupId; readonly incarnation: Incarnation };
  /** Those of the store that were asked for, and all that are not in the store yet. */
  readonly #epochs = new Map<number, Epoch>();
  readonly #unsaved = new Set<number>();
  /** Made here for operations that may come to be taken. */
  readonly #offered: SecretBytes[] = [];

  constructor(
    ports: KeyringPorts,
    place: { readonly group: GroupId; readonly incarnation: Incarnation },
  ) {
    this.#ports = ports;
    this.#place = place;
  }

  /** The chain has this operation now; `isOwnAdmission`: it let this account in, which has no key to derive from. */
  note(operation: GroupOperation, isOwnAdmission: boolean): void {
    const source = keySourceOf(operation.change);
    const { epoch } = operation;
    if (source === 'same' || this.#find(epoch) !== undefined) return;
    const isDerived = source === 'derived' && !isOwnAdmission;
    const statement = isDerived ? Uint8Array.from(operation.statement) : undefined;
    const commitment = Uint8Array.from(operation.commitment);
    const key = this.#offered.find((offered) => this.#fits(epoch, commitment, offered));
    this.#put(epoch, { commitment, statement, key });
  }

  /** A key made here: it counts once the chain commits to it. */
  offer(key: SecretBytes): void {
    this.#offered.push(key);
    if (this.#offered.length > GROUP_KEYS_OFFERED_MAX) this.#offered.shift();
  }

  /** The key of an epoch, if it is known or follows from one that is. */
  keyOf(epoch: number): EpochKey | undefined {
    const path = this.#pathTo(epoch);
    let key = path.start === undefined ? undefined : this.#find(path.start)?.key;
    for (const next of path.derived) {
      const known = this.#find(next);
      if (key === undefined || known?.statement === undefined) return undefined;
      const derived = nextGroupKey(this.#ports.suite, key, known.statement);
      // An author who commits to another key than follows has shut everybody out of the epoch.
      if (!this.#fits(next, known.commitment, derived)) return undefined;
      key = derived;
      this.#put(next, { ...known, key });
    }
    const commitment = this.#find(epoch)?.commitment;
    return key === undefined || commitment === undefined ? undefined : { epoch, commitment, key };
  }

  /** From which epoch on seals have to be asked for, to come to know the key of `epoch`; undefined: they are of no use. */
  missingFor(epoch: number): number | undefined {
    const { start } = this.#pathTo(epoch);
    const known = start === undefined ? undefined : this.#find(start);
    return known === undefined || known.key !== undefined ? undefined : start;
  }

  /** Takes the keys that these seals hold; what does not open, or is not what was announced, is left out. */
  takeSeals(seals: readonly EpochSeal[], boxKeys: ReadonlyMap<number, KeyPair>): void {
    for (const { epoch, boxEpoch, sealed } of seals) {
      const known = this.#find(epoch);
      const keys = boxKeys.get(boxEpoch);
      if (known === undefined || known.key !== undefined || keys === undefined) continue;
      const place = { ...this.#place, epoch, commitment: known.commitment };
      try {
        const key = openGroupKey(this.#ports.suite, place, sealed, keys);
        this.#put(epoch, { ...known, key });
      } catch (cause) {
        if (asFastChatError(cause).code === 'E_INTERNAL') throw cause;
      }
    }
  }

  /** Writes what is new. */
  save(tx: Transaction): void {
    for (const epoch of this.#unsaved) {
      const known = this.#epochs.get(epoch);
      if (known === undefined) continue;
      const { commitment, statement, key } = known;
      const record = { commitment, statement, key: key?.reveal() };
      tx.put(this.#ports.keys.groupEpoch({ ...this.#place, epoch }), groupEpochRecord, record);
    }
    const saved = [...this.#unsaved];
    tx.after(() => this.#saved(saved));
  }

  #saved(epochs: readonly number[]): void {
    for (const epoch of epochs) this.#unsaved.delete(epoch);
    for (const epoch of this.#epochs.keys()) {
      if (this.#epochs.size <= GROUP_KEYS_CACHED_MAX) return;
      if (!this.#unsaved.has(epoch)) this.#epochs.delete(epoch);
    }
  }

  /** The newest epoch up to `epoch` whose key does not follow from another one that could be known, and those after it. */
  #pathTo(epoch: number): { readonly start: number | undefined; readonly derived: number[] } {
    const derived: number[] = [];
    for (let at = epoch; ; at -= 1) {
      const known = this.#find(at);
      if (known === undefined) return { start: undefined, derived: [] };
      if (known.key !== undefined || known.statement === undefined)
        return { start: at, derived: derived.toReversed() };
      derived.push(at);
    }
  }

  #find(epoch: number): Epoch | undefined {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    const { store, keys } = this.#ports;
    const record = store.get(keys.groupEpoch({ ...this.#place, epoch }), groupEpochRecord);
    if (record === undefined) return undefined;
    const { commitment, statement } = record;
    const key = record.key === undefined ? undefined : new SecretBytes(record.key);
    const found = { commitment, statement, key };
    this.#epochs.set(epoch, found);
    return found;
  }

  #put(epoch: number, entry: Epoch): void {
    this.#epochs.set(epoch, entry);
    this.#unsaved.add(epoch);
  }

  #fits(epoch: number, commitment: Uint8Array, key: SecretBytes): boolean {
    const { suite } = this.#ports;
    return suite.equal(keyCommitment(suite, { ...this.#place, epoch }, key), commitment);
  }
}

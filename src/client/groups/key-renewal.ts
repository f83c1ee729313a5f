/**
 * After a device was revoked: it knows the present keys of this account's groups, so each gets a fresh one, sealed to box
 * keys that the device does not have.
 *
 * Which groups are still to be done is on the disk from before the new vault on: what is cut off goes on at the next login.
 */
import { asFastChatError } from '../../protocol/errors.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { GroupKeys } from '../account/revocations.ts';
import type { VaultKeeper } from '../account/vault-keeper.ts';
import type { EventHub } from '../events.ts';
import { GROUPS_PER_USER_MAX } from '../../protocol/limits.ts';
import { groupRenewalsRecord } from '../store/group-records.ts';
import type { GroupRenewal } from '../store/group-records.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { Groups } from './groups.ts';
import type { GroupOperations } from './operations.ts';

export interface KeyRenewalPorts {
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly book: AccountBook;
  readonly vaults: VaultKeeper;
  readonly events: EventHub;
  readonly groups: Groups;
  readonly operations: Pick<GroupOperations, 'renewKey'>;
}

export class KeyRenewal implements GroupKeys {
  readonly #ports: KeyRenewalPorts;
  #running: Promise<void> | undefined;

  constructor(ports: KeyRenewalPorts) {
    this.#ports = ports;
  }

  /** A device was shut out: every group that this account is in now needs another key. */
  async plan(): Promise<void> {
    const { store, keys, groups } = this.#ports;
    const due: GroupRenewal[] = [];
    for (const { local } of groups.all()) {
      const { group, incarnation, isFormer } = local;
      if (!isFormer) due.push({ group, incarnation });
    }
    await store.transact((tx) =>
      tx.put(keys.groupRenewals, groupRenewalsRecord, { due: due.slice(0, GROUPS_PER_USER_MAX) }),
    );
  }

  /** Does what is planned, once the box key is a new one. What fails is tried again at the next call. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { book, vaults, events } = this.#ports;
    // Sealed to the box key of before, the revoked device would have the new key as well.
    if (book.revoking.length > 0 || vaults.lock !== undefined) return;
    for (const renewal of this.#due)
      try {
        await this.#renew(renewal);
        await this.#done(renewal);
      } catch (cause) {
        events.suspect(cause);
      }
  }

  get #due(): readonly GroupRenewal[] {
    const { store, keys } = this.#ports;
    return store.get(keys.groupRenewals, groupRenewalsRecord)?.due ?? [];
  }

  /** An observer may make no key: the next one that somebody else makes shuts the device out. */
  async #renew({ group, incarnation }: GroupRenewal): Promise<void> {
    const { groups, operations, book } = this.#ports;
    const local = groups.feed(group)?.local;
    const role = local?.incarnation === incarnation ? local.roleOf(book.user) : undefined;
    if (role === undefined || role === 'observer') return;
    try {
      await operations.renewKey(group);
    } catch (cause) {
      const { code } = asFastChatError(cause);
      if (code !== 'E_NO_SUCH_GROUP' && code !== 'E_NOT_ADMIN') throw cause;
    }
  }

  async #done({ group, incarnation }: GroupRenewal): Promise<void> {
    const { store, keys } = this.#ports;
    await store.transact((tx) => {
      const { due } = tx.get(keys.groupRenewals, groupRenewalsRecord) ?? { due: [] };
      const rest = due.filter((each) => each.group !== group || each.incarnation !== incarnation);
      tx.put(keys.groupRenewals, groupRenewalsRecord, { due: rest });
    });
  }
}

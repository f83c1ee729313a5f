/**
 * Keeps the account's keyring of every group readable for its other devices: own seals of the group's keys that were made
 * for an old box key are made anew for a newer one, before the old one leaves the vault.
 */
import { sealGroupKey } from '../../crypto/opening/group-keys.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { EpochSeal } from '../../protocol/group-log.ts';
import { GROUP_RESEAL_EPOCHS } from '../../protocol/limits.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { Connection } from '../connection/connection.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { Groups } from './groups.ts';
import type { LocalGroup } from './local-group.ts';

export interface ResealingPorts {
  readonly suite: OpeningSuite;
  readonly store: LocalStore;
  readonly book: AccountBook;
  readonly connection: Connection;
  readonly groups: Groups;
}

export class Resealing {
  readonly #ports: ResealingPorts;

  constructor(ports: ResealingPorts) {
    this.#ports = ports;
  }

  /** Looks through groups that were last looked through so many box keys ago. What fails is done at the next look. */
  async renew(): Promise<void> {
    const { groups, store, book } = this.#ports;
    const present = book.publishedBox.epoch;
    for (const { local } of groups.all()) {
      if (local.isFormer || present - local.resealedAt < GROUP_RESEAL_EPOCHS) continue;
      await this.#renewOne(local, present);
      await store.transact((tx) => local.resealed(tx, present));
    }
  }

  async #renewOne(local: LocalGroup, present: number): Promise<void> {
    const { connection } = this.#ports;
    const { group, incarnation } = local;
    for (let from = 0; ;) {
      const request = { group, incarnation, from };
      const { seals, more } = await connection.call('groupKeys', request, { repeat: true });
      for (const seal of seals)
        if (present - seal.boxEpoch >= GROUP_RESEAL_EPOCHS) await this.#reseal(local, seal);
      const last = seals.at(-1)?.epoch ?? 0;
      if (!more || last < from) return;
      from = last + 1;
    }
  }

  async #reseal({ group, incarnation, keyring }: LocalGroup, { epoch }: EpochSeal): Promise<void> {
    const { suite, book, connection } = this.#ports;
    const known = keyring.keyOf(epoch);
    if (known === undefined) return;
    const { epoch: boxEpoch, publicKey } = book.publishedBox;
    const seal = { epoch, boxEpoch, sealed: sealGroupKey(suite, known.key, publicKey) };
    await connection.call('putGroupKey', { group, incarnation, seal }, { repeat: true });
  }
}

/**
 * Keeps the account's keyring of every group readable for its other devices: own seals of the group's keys that were made
 * for an old box key are made anew for a newer one, before the old one leaves the vault.
 */
import { sealGroupKey } from '../../crypto/opening/group-keys.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { Clock } from '../../ops/clock.ts';
import type { EpochSeal } from '../../protocol/group-log.ts';
import { GROUP_RESEAL_AFTER_MS } from '../../protocol/limits.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { Connection } from '../connection/connection.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { Groups } from './groups.ts';
import type { LocalGroup } from './local-group.ts';

export interface ResealingPorts {
  readonly clock: Clock;
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

  /** Looks through groups that were last looked through under a box key that is old by now. What fails is done at the next look. */
  async renew(): Promise<void> {
    const { groups, store, book } = this.#ports;
    const present = book.publishedBox.epoch;
    for (const { local } of groups.all()) {
      if (local.isFormer || !this.#isOld(local.resealedAt)) continue;
      await this.#renewOne(local);
      await store.transact((tx) => local.resealed(tx, present));
    }
  }

  /** By when its successor was made, as for its retirement: a rare guest makes few box keys. */
  #isOld(boxEpoch: number): boolean {
    const { book, clock } = this.#ports;
    const successor = book.vault.boxKeys.find(({ epoch }) => epoch > boxEpoch);
    return successor !== undefined && clock.now() - successor.madeAt >= GROUP_RESEAL_AFTER_MS;
  }

  async #renewOne(local: LocalGroup): Promise<void> {
    const { connection } = this.#ports;
    const { group, incarnation } = local;
    for (let from = 0; ;) {
      const request = { group, incarnation, from };
      const { seals, more } = await connection.call('groupKeys', request, { repeat: true });
      for (const seal of seals) if (this.#isOld(seal.boxEpoch)) await this.#reseal(local, seal);
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

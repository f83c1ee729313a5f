/** What a client asks nodes about one group; every question may be repeated. */
import type { ClientReply } from '../../protocol/client-calls.ts';
import type { GroupReceipts } from '../../protocol/group-facts.ts';
import type { MemberSeal } from '../../protocol/group-log.ts';
import { GROUP_SEALS_MAX, PULL_ENTRIES_MAX } from '../../protocol/limits.ts';
import type { GroupId } from '../../protocol/ids.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { VaultKeeper } from '../account/vault-keeper.ts';
import type { Connection } from '../connection/connection.ts';
import { insist } from '../insist.ts';
import type { InsistPorts } from '../insist.ts';
import type { MadeOperation } from '../../crypto/opening/group-operation.ts';
import type { LocalGroup } from './local-group.ts';

export interface GroupCallsPorts extends InsistPorts {
  readonly connection: Connection;
  readonly book: AccountBook;
  readonly vaults: VaultKeeper;
}

const REPEAT = { repeat: true } as const;

export class GroupCalls {
  readonly #ports: GroupCallsPorts;

  constructor(ports: GroupCallsPorts) {
    this.#ports = ports;
  }

  /** Operations from position `from` on, as many as one answer holds. */
  chain({ group, incarnation }: LocalGroup, from: number): Promise<ClientReply<'groupChain'>> {
    const request = { group, incarnation, from, limit: PULL_ENTRIES_MAX };
    return this.#ports.connection.call('groupChain', request, REPEAT);
  }

  pull({ group, incarnation }: LocalGroup, from: number): Promise<ClientReply<'groupPull'>> {
    const request = { group, incarnation, from, limit: PULL_ENTRIES_MAX };
    return this.#ports.connection.call('groupPull', request, REPEAT);
  }

  info(group: GroupId): Promise<ClientReply<'groupInfo'>> {
    return this.#ports.connection.call('groupInfo', { group }, REPEAT);
  }

  receipts({ group, incarnation }: LocalGroup, seqs: readonly number[]): Promise<GroupReceipts> {
    return this.#ports.connection.call('groupReceipts', { group, incarnation, seqs }, REPEAT);
  }

  /** Asks for the own seals from an epoch on and takes the keys they hold. @throws E_AUTH when the vault that opens them is locked */
  async learnKeys(local: LocalGroup, epoch: number): Promise<void> {
    const { connection, book, vaults } = this.#ports;
    const { group, incarnation, keyring } = local;
    for (let from = epoch; ;) {
      const request = { group, incarnation, from };
      const { seals, more } = await connection.call('groupKeys', request, REPEAT);
      if (seals.some(({ boxEpoch }) => !book.boxKeys.has(boxEpoch))) await this.#refreshVault();
      keyring.takeSeals(seals, book.boxKeys);
      const last = seals.at(-1)?.epoch ?? 0;
      if (!more || last < from) break;
      from = last + 1;
    }
    if (keyring.missingFor(epoch) !== undefined && vaults.lock !== undefined) throw vaults.lock;
  }

  /** Has an operation taken, with its seals. What was taken already is answered again. */
  operate(
    group: GroupId,
    made: MadeOperation,
    seals: readonly MemberSeal[],
  ): Promise<ClientReply<'groupOperate'>> {
    return insist(this.#ports, () => this.#operateOnce(group, made, seals));
  }

  /** Seals that one call cannot hold go ahead. */
  async #operateOnce(
    group: GroupId,
    { signed, hash: operation }: MadeOperation,
    seals: readonly MemberSeal[],
  ): Promise<ClientReply<'groupOperate'>> {
    const { connection } = this.#ports;
    let from = 0;
    for (; seals.length - from > GROUP_SEALS_MAX; from += GROUP_SEALS_MAX) {
      const chunk = seals.slice(from, from + GROUP_SEALS_MAX);
      await connection.call('groupStage', { group, operation, from, seals: chunk }, REPEAT);
    }
    const rest = { group, signed, seals: seals.slice(from) };
    return await connection.call('groupOperate', rest, REPEAT);
  }

  async #refreshVault(): Promise<void> {
    const { connection, vaults } = this.#ports;
    await vaults.refresh((await connection.online(0)).link, Infinity);
  }
}

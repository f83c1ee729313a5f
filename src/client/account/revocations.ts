/**
 * Revoking a device: the node shuts it out, then a new vault key and a new box key make worthless what it knows.
 *
 * R1  A revocation is on the disk before the node hears of it, and stays there until the new vault is on the server:
 *     one that is cut off anywhere is finished at the next login.
 */
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { EventHub } from '../events.ts';
import type { AccountBook } from './account-book.ts';
import type { VaultKeeper } from './vault-keeper.ts';

/** A revoked device knows the keys of the account's groups. */
export interface GroupKeys {
  /** Fresh ones are due, and that is on the disk. */
  plan(): Promise<void>;
  /** Makes what is due, now or later. */
  run(): Promise<void>;
}

export interface RevocationsPorts {
  readonly book: AccountBook;
  readonly vaults: VaultKeeper;
  readonly events: EventHub;
  readonly groupKeys: GroupKeys;
}

export class Revocations {
  readonly #ports: RevocationsPorts;

  constructor(ports: RevocationsPorts) {
    this.#ports = ports;
  }

  /** @throws E_NO_SUCH_DEVICE; E_AUTH when the vault is locked, E_UNREACHABLE, ...: the rest follows at a later login */
  async revoke(link: GateLink, device: DeviceId): Promise<void> {
    const { book, vaults, groupKeys } = this.#ports;
    // This home would know the new key as well.
    if (device === book.device?.device) return void (await link.call('revokeDevice', { device }));
    const isRepeated = book.revoking.includes(device);
    await book.startRevoking(device);
    const isGone = await this.#shutOut(link, device);
    if (!isGone && !isRepeated) {
      await book.forgetRevoking(device);
      throw new FastChatError('E_NO_SUCH_DEVICE', 'the device is not registered');
    }
    await groupKeys.plan();
    await vaults.renewKey(link, [device]);
    await groupKeys.run();
  }

  /** Finishes what was cut off; what fails now is tried again later. */
  async finish(link: GateLink): Promise<void> {
    const { book, vaults, events, groupKeys } = this.#ports;
    const devices = book.revoking;
    if (devices.length === 0) return;
    try {
      for (const device of devices) await this.#shutOut(link, device);
      await groupKeys.plan();
      await vaults.renewKey(link, devices);
    } catch (cause) {
      events.suspect(cause);
    }
  }

  /** False: there was no such device. */
  async #shutOut(link: GateLink, device: DeviceId): Promise<boolean> {
    try {
      await link.call('revokeDevice', { device });
      return true;
    } catch (cause) {
      const error = asFastChatError(cause);
      if (error.code === 'E_NO_SUCH_DEVICE') return false;
      throw error;
    }
  }
}

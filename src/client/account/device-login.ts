/** Login with the device's own key, without the password; a copied or restored store becomes a device of its own. */
import { signDeviceProof } from '../../crypto/proofs.ts';
import type { KeyPair, OpeningSuite } from '../../crypto/suite.ts';
import type { NewDevice, StoreTokens } from '../../protocol/account.ts';
import type { Placement } from '../../protocol/client-calls.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { STORE_TOKEN_BYTES } from '../../protocol/limits.ts';
import type { Authentication, Session } from '../connection/establish.ts';
import type { Fields, GateLink } from '../connection/gate-link.ts';
import type { DeviceRecord } from '../store/records.ts';
import type { AccountBook } from './account-book.ts';
import type { Revocations } from './revocations.ts';
import type { VaultKeeper } from './vault-keeper.ts';

export type DeviceProof = Fields<'ticketLogin'>['proof'];

export interface DeviceLoginPorts {
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
  readonly vaults: VaultKeeper;
  readonly revocations: Revocations;
  readonly deviceName: string;
  /** This home counts as another device from now on. */
  readonly onNewDevice: () => void;
}

/** The keys of a device that the server does not know yet. */
export interface DeviceDraft {
  readonly keys: KeyPair;
  readonly newDevice: NewDevice;
}

export class DeviceLogin implements Authentication {
  readonly #ports: DeviceLoginPorts;
  #isCloned = false;
  #draft: DeviceDraft | undefined;

  constructor(ports: DeviceLoginPorts) {
    this.#ports = ports;
  }

  async authenticate(link: GateLink): Promise<Placement> {
    const { book } = this.#ports;
    const { device } = book;
    if (device === undefined || !book.isRegistered)
      throw new FastChatError('E_NOT_LOGGED_IN', `log in as ${book.user} with the password first`);
    if (this.#isCloned) return await this.#replace(link);
    const proof = await this.prove(link);
    return await link.call('deviceLogin', { user: book.user, proof, replacement: undefined });
  }

  async redeem(link: GateLink, ticket: Uint8Array): Promise<Placement> {
    return await link.call('ticketLogin', { ticket, proof: await this.prove(link) });
  }

  /** After E_STORE_CLONED the next attempt registers another device in the name of this one. */
  mayRetry(error: FastChatError): boolean {
    if (error.code !== 'E_STORE_CLONED' || this.#isCloned) return false;
    this.replaceNext();
    return true;
  }

  /** The next login registers another device in the place of this one: its store is a copy, or was put back. */
  replaceNext(): void {
    this.#isCloned = true;
  }

  async finish({ link, attachment }: Session): Promise<void> {
    const { book, vaults, revocations } = this.#ports;
    await book.confirmTokens();
    await vaults.refresh(link, attachment.vaultVersion);
    await revocations.finish(link);
  }

  /** Signs who this device is, for this link only; the tokens are on the disk before. */
  async prove(link: GateLink): Promise<DeviceProof> {
    const { book } = this.#ports;
    const { device } = book;
    if (device === undefined) throw new FastChatError('E_NOT_LOGGED_IN', 'this home has no device');
    return this.#sign(link, device, await book.tokens());
  }

  /** The keys of a new device; the same ones until it is known, so that a lost answer costs no second device. */
  draft(): DeviceDraft {
    this.#draft ??= this.#drawDraft();
    return this.#draft;
  }

  /** The server knows the device: the next draft is of another one. */
  forgetDraft(): void {
    this.#draft = undefined;
  }

  /** The server knows the device: from now on it is this home's. */
  async adopt(draft: DeviceDraft, device: DeviceId): Promise<void> {
    await this.#ports.book.saveDevice(deviceOf(draft, device));
    this.forgetDraft();
    this.#isCloned = false;
    this.#ports.onNewDevice();
  }

  #drawDraft(): DeviceDraft {
    const { suite, deviceName } = this.#ports;
    const keys = suite.signKeyPair();
    const token = suite.random(STORE_TOKEN_BYTES);
    return { keys, newDevice: { publicKey: keys.publicKey, name: deviceName, token } };
  }

  async #replace(link: GateLink): Promise<Placement> {
    const { book } = this.#ports;
    const draft = this.draft();
    const proof = await this.prove(link);
    const fields = { user: book.user, proof, replacement: draft.newDevice };
    const placement = await link.call('deviceLogin', fields);
    await this.adopt(draft, placement.device);
    return placement;
  }

  #sign(link: GateLink, device: DeviceRecord, tokens: StoreTokens): DeviceProof {
    const { suite, book } = this.#ports;
    const { node, bootId, nonce } = link.hello;
    const here = { node, bootId, nonce, fingerprint: link.fingerprint };
    const context = { ...here, user: book.user, device: device.device };
    const signature = signDeviceProof(suite, context, device.privateKey);
    return { device: device.device, signature, tokens };
  }
}

/** What this home keeps of a device that was just registered. */
export function deviceOf({ keys, newDevice }: DeviceDraft, device: DeviceId): DeviceRecord {
  const { publicKey, name, token } = newDevice;
  return { device, name, publicKey, privateKey: keys.privateKey, token, nextToken: undefined };
}

/** The account's secrets on this home: the device, its store tokens, the vault. Saved before anything relies on them. */
import { SecretBytes } from '../../crypto/secrets.ts';
import type { KeyPair, OpeningSuite } from '../../crypto/suite.ts';
import { boxKeysByEpoch, publishedBoxKey } from '../../crypto/opening/vault.ts';
import type { Vault } from '../../crypto/opening/vault.ts';
import { openVault } from '../../crypto/opening/vault-seal.ts';
import type { BoxKey, SealedVault, StoreTokens } from '../../protocol/account.ts';
import { FastChatError, invariant } from '../../protocol/errors.ts';
import type { UserId } from '../../protocol/ids.ts';
import { STORE_TOKEN_BYTES } from '../../protocol/limits.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { LocalStore } from '../store/local-store.ts';
import { accountRecord } from '../store/records.ts';
import type { AccountRecord, DeviceRecord } from '../store/records.ts';

/** A vault as it is used, as the server has it, and the key between the two. */
export interface OpenedVault {
  readonly vault: Vault;
  readonly sealed: SealedVault;
  readonly key: SecretBytes;
}

export class AccountBook {
  readonly user: UserId;
  readonly #store: LocalStore;
  readonly #keys: StoreKeys;
  readonly #suite: OpeningSuite;
  #device: DeviceRecord | undefined;
  #opened: OpenedVault | undefined;
  #boxKeys: ReadonlyMap<number, KeyPair> = new Map();
  #published: BoxKey | undefined;

  constructor(
    user: UserId,
    ports: {
      readonly store: LocalStore;
      readonly keys: StoreKeys;
      readonly suite: OpeningSuite;
    },
  ) {
    this.user = user;
    this.#store = ports.store;
    this.#keys = ports.keys;
    this.#suite = ports.suite;
    this.#load();
  }

  /** Whether this home holds a device of the account and can open its messages. */
  get isRegistered(): boolean {
    return this.#device !== undefined && this.#opened !== undefined;
  }

  get device(): DeviceRecord | undefined {
    return this.#device;
  }

  get opened(): OpenedVault | undefined {
    return this.#opened;
  }

  /** @throws E_NOT_LOGGED_IN before the first login of this home */
  get vault(): Vault {
    if (this.#opened === undefined)
      throw new FastChatError('E_NOT_LOGGED_IN', `log in as ${this.user} first`);
    return this.#opened.vault;
  }

  /** Private box keys by epoch. */
  get boxKeys(): ReadonlyMap<number, KeyPair> {
    return this.#boxKeys;
  }

  /** The current box key as everybody sees it. @throws E_NOT_LOGGED_IN */
  get publishedBox(): BoxKey {
    this.#published ??= publishedBoxKey(this.#suite, this.vault, this.user);
    return this.#published;
  }

  async saveDevice(device: DeviceRecord): Promise<void> {
    this.#device = device;
    await this.#save();
  }

  async saveVault(opened: OpenedVault): Promise<void> {
    this.#use(opened);
    await this.#save();
  }

  async saveAll(device: DeviceRecord, opened: OpenedVault): Promise<void> {
    this.#device = device;
    this.#use(opened);
    await this.#save();
  }

  /**
   * The tokens for a login, on the disk before they are sent. A login of unknown end is repeated with the same pair;
   * any other draws a new one, so that a copy of this store, used elsewhere, makes the two differ.
   */
  async tokens(): Promise<StoreTokens> {
    const device = this.#device;
    invariant(device !== undefined, 'a device has tokens');
    if (device.nextToken !== undefined) return { previous: device.token, next: device.nextToken };
    const next = this.#suite.random(STORE_TOKEN_BYTES);
    await this.saveDevice({ ...device, nextToken: next });
    return { previous: device.token, next };
  }

  /** The server has the newer token. */
  async confirmTokens(): Promise<void> {
    const device = this.#device;
    if (device?.nextToken === undefined) return;
    await this.saveDevice({ ...device, token: device.nextToken, nextToken: undefined });
  }

  #load(): void {
    const record = this.#store.get(this.#keys.account, accountRecord);
    if (record === undefined) return;
    this.#device = record.device;
    if (record.vault === undefined || record.vaultKey === undefined) return;
    const key = new SecretBytes(record.vaultKey);
    const { version, vault: sealed } = record.vault;
    const vault = openVault(this.#suite, { user: this.user, version, sealed }, key);
    this.#use({ vault, sealed: record.vault, key });
  }

  #use(opened: OpenedVault): void {
    this.#opened = opened;
    this.#boxKeys = boxKeysByEpoch(opened.vault);
    this.#published = undefined;
  }

  async #save(): Promise<void> {
    const record: AccountRecord = {
      user: this.user,
      device: this.#device,
      vaultKey: this.#opened?.key.reveal(),
      vault: this.#opened?.sealed,
    };
    await this.#store.transact((tx) => tx.put(this.#keys.account, accountRecord, record));
  }
}

/** The account's secrets on this home: the device, its store tokens, the vault. Saved before anything relies on them. */
import { SecretBytes } from '../../crypto/secrets.ts';
import type { KeyPair, OpeningSuite } from '../../crypto/suite.ts';
import { createVaultKey } from '../../crypto/opening/vault-key.ts';
import { boxKeysByEpoch, publishedBoxKey } from '../../crypto/opening/vault.ts';
import type { Vault } from '../../crypto/opening/vault.ts';
import { openVault } from '../../crypto/opening/vault-seal.ts';
import type { BoxKey, SealedVault, StoreTokens } from '../../protocol/account.ts';
import { FastChatError, invariant } from '../../protocol/errors.ts';
import type { DeviceId, UserId } from '../../protocol/ids.ts';
import { DEVICES_MAX, STORE_TOKEN_BYTES } from '../../protocol/limits.ts';
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
  #nextVaultKey: SecretBytes | undefined;
  #revoking: readonly DeviceId[] = [];

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

  /** `revoked`: devices that know nothing of this vault's key. */
  async saveVault(opened: OpenedVault, revoked: readonly DeviceId[] = []): Promise<void> {
    const before = this.#opened?.key ?? opened.key;
    // Under any other key than before, the one drawn for the next vault is in use, or came too late.
    if (!this.#suite.equal(before.reveal(), opened.key.reveal())) this.#nextVaultKey = undefined;
    this.#revoking = this.#revoking.filter((device) => !revoked.includes(device));
    this.#use(opened);
    await this.#save();
  }

  async saveAll(device: DeviceRecord, opened: OpenedVault): Promise<void> {
    this.#device = device;
    this.#use(opened);
    await this.#save();
  }

  /** What may open the vault on the server: its present key, and the one that a put of unknown end gave it. */
  get vaultKeys(): readonly SecretBytes[] {
    return [this.#opened?.key, this.#nextVaultKey].filter((key) => key !== undefined);
  }

  /** The key of the next vault, on the disk before it is used; the same one until a vault under another key is saved. */
  async drawVaultKey(): Promise<SecretBytes> {
    const key = this.#nextVaultKey ?? createVaultKey(this.#suite);
    this.#nextVaultKey = key;
    await this.#save();
    return key;
  }

  /** Devices after whose revocation no new vault key was made yet. */
  get revoking(): readonly DeviceId[] {
    return this.#revoking;
  }

  /** @throws E_TOO_MANY_DEVICES when too many revocations wait to be finished */
  async startRevoking(device: DeviceId): Promise<void> {
    if (this.#revoking.includes(device)) return;
    if (this.#revoking.length >= DEVICES_MAX)
      throw new FastChatError('E_TOO_MANY_DEVICES', 'finish the revocations that wait first');
    this.#revoking = [...this.#revoking, device];
    await this.#save();
  }

  /** There is no such device to be revoked. */
  async forgetRevoking(device: DeviceId): Promise<void> {
    this.#revoking = this.#revoking.filter((other) => other !== device);
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
    this.#revoking = record.revoking;
    if (record.nextVaultKey !== undefined)
      this.#nextVaultKey = new SecretBytes(record.nextVaultKey);
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
      nextVaultKey: this.#nextVaultKey?.reveal(),
      revoking: this.#revoking,
    };
    await this.#store.transact((tx) => tx.put(this.#keys.account, accountRecord, record));
  }
}

/**
 * Keeps this home's vault at the newest version, and gives the account a fresh box key every day.
 *
 * V1  A version below one seen before is a roll-back: it is never used, and people are warned.
 * V2  A vault with another identity is never used.
 * V3  While the vault on the server does not open here (`lock`), this home puts none and waits for the password.
 */
import { checkPublished } from '../../crypto/opening/vault.ts';
import type { Vault } from '../../crypto/opening/vault.ts';
import { passwordKeys, unwrapWithPassword } from '../../crypto/opening/vault-key.ts';
import { openVault } from '../../crypto/opening/vault-seal.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { SealedVault } from '../../protocol/account.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { VAULT_CONFLICTS_MAX } from '../../protocol/limits.ts';
import type { EventHub } from '../events.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { OpenedVault } from './account-book.ts';
import { renewKey, rotateIfDue } from './vault-changes.ts';
import type { VaultChangePorts } from './vault-changes.ts';

export interface VaultKeeperPorts extends VaultChangePorts {
  readonly events: EventHub;
}

export class VaultKeeper {
  readonly #ports: VaultKeeperPorts;
  #work: Promise<unknown> = Promise.resolve();
  #lock: FastChatError | undefined;

  constructor(ports: VaultKeeperPorts) {
    this.#ports = ports;
  }

  /** Why the vault on the server cannot be opened here; undefined: as far as is known it can. */
  get lock(): FastChatError | undefined {
    return this.#lock;
  }

  /**
   * After a login with the password: opens by its export key what this home cannot open by itself.
   * @throws E_DECRYPT, E_KEY_CHANGED
   */
  unlock(link: GateLink, version: number, exportKey: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const isFirst = this.#ports.book.opened === undefined;
      const lock = isFirst ? undefined : await this.#catchUp(link, version);
      if (!isFirst && lock?.code !== 'E_AUTH') return;
      this.#lock = lock;
      await this.#openByPassword(link, exportKey);
      this.#lock = undefined;
    });
  }

  /** Takes over a newer version that the server has; `version` is what it says it has. */
  refresh(link: GateLink, version: number): Promise<void> {
    return this.#inTurn(() => this.#refresh(link, version));
  }

  /** Gives the account a fresh box key when the current one has served its time. */
  async rotateIfDue(link: GateLink): Promise<void> {
    if (this.#lock !== undefined) return;
    await this.replace(link, (ours) => rotateIfDue(this.#ports, link, ours));
  }

  /** Makes a vault key that the `revoked` devices do not know. @throws E_AUTH while the vault is locked */
  async renewKey(link: GateLink, revoked: readonly DeviceId[]): Promise<void> {
    await this.replace(link, (ours) => renewKey(this.#ports, link, ours), revoked);
  }

  /** Puts another vault in the place of ours; again with a newer one when another device was faster. */
  replace(
    link: GateLink,
    change: (ours: OpenedVault) => Promise<OpenedVault | undefined>,
    revoked: readonly DeviceId[] = [],
  ): Promise<void> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        if (this.#lock !== undefined) throw this.#lock;
        try {
          const changed = await change(this.#opened());
          if (changed !== undefined) await this.#ports.book.saveVault(changed, revoked);
          return;
        } catch (cause) {
          const isConflict = asFastChatError(cause).code === 'E_VAULT_CONFLICT';
          if (!isConflict || attempt >= VAULT_CONFLICTS_MAX) throw cause;
          await this.#refresh(link, Infinity);
        }
      }
    });
  }

  #opened(): OpenedVault {
    const { opened, user } = this.#ports.book;
    if (opened === undefined) throw new FastChatError('E_NOT_LOGGED_IN', `log in as ${user} first`);
    return opened;
  }

  /** One change at a time: two of this device would only conflict with each other. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(task);
    this.#work = turn.catch(() => undefined);
    return turn;
  }

  async #refresh(link: GateLink, version: number): Promise<void> {
    const before = this.#lock;
    this.#lock = await this.#catchUp(link, version);
    if (this.#lock === undefined || this.#lock.code === before?.code) return;
    this.#ports.events.warn(this.#lock.code, this.#lock.message, this.#ports.book.user);
  }

  /** Takes over what the server has, if it is newer. @returns why it cannot be opened, and ours goes on */
  async #catchUp(link: GateLink, version: number): Promise<FastChatError | undefined> {
    const ours = this.#opened().vault;
    if (version === ours.version) return undefined;
    const sealed = version < ours.version ? undefined : await link.call('vault', {});
    if (sealed === undefined || sealed.version < ours.version) return this.#warnRollback();
    if (sealed.version === ours.version) return undefined;
    const opened = this.#tryKeys(sealed);
    if (opened instanceof FastChatError) return opened;
    if (this.#isOurs(opened.vault)) await this.#ports.book.saveVault(opened);
    else this.#ports.events.warn('E_KEY_CHANGED', OTHER_IDENTITY);
    return undefined;
  }

  #tryKeys(sealed: SealedVault): OpenedVault | FastChatError {
    for (const key of this.#ports.book.vaultKeys)
      try {
        return this.#openSealed(sealed, key);
      } catch (cause) {
        const error = asFastChatError(cause);
        if (error.code !== 'E_DECRYPT') return error;
      }
    return new FastChatError('E_AUTH', OTHER_KEY);
  }

  async #openByPassword(link: GateLink, exportKey: Uint8Array): Promise<void> {
    const { book, suite } = this.#ports;
    const keys = passwordKeys(suite, book.user, exportKey);
    for (let attempt = 0; ; attempt++) {
      const sealed = await link.call('vault', {});
      const key = unwrapWithPassword(suite, book.user, sealed, keys);
      const opened = this.#openSealed(sealed, key);
      this.#checkKnown(opened.vault, keys.publicKey);
      try {
        checkPublished(suite, opened.vault, await link.call('keys', { user: book.user }));
        return await book.saveVault(opened);
      } catch (cause) {
        const error = asFastChatError(cause);
        if (error.code !== 'E_VAULT_CONFLICT') throw error;
        // Another device may have rotated in between; a server that keeps to it has rolled the vault back.
        if (attempt >= 1)
          throw new FastChatError('E_KEY_CHANGED', 'the server served an outdated vault', {
            cause,
          });
      }
    }
  }

  /** What this home knows must not contradict what it adopts. */
  #checkKnown(vault: Vault, passwordKey: Uint8Array): void {
    const { book, suite } = this.#ports;
    if (!this.#isOurs(vault)) throw new FastChatError('E_KEY_CHANGED', OTHER_IDENTITY);
    if (vault.version < (book.opened?.vault.version ?? 0))
      throw new FastChatError('E_KEY_CHANGED', 'the server served an outdated vault');
    // Later vault keys are wrapped to the key that the vault names: it has to be the one that this password opens.
    if (!suite.equal(vault.wrapKeys.password, passwordKey))
      throw new FastChatError('E_KEY_CHANGED', 'the vault is meant for another password');
  }

  #isOurs({ identity }: Vault): boolean {
    const known = this.#ports.book.opened?.vault.identity.publicKey;
    return known === undefined || this.#ports.suite.equal(identity.publicKey, known);
  }

  #warnRollback(): undefined {
    const text = 'the server served an older vault than it had before; it was not used';
    this.#ports.events.warn('E_KEY_CHANGED', text, this.#ports.book.user);
  }

  #openSealed(sealed: SealedVault, key: SecretBytes): OpenedVault {
    const { suite, book } = this.#ports;
    const input = { user: book.user, version: sealed.version, sealed: sealed.vault };
    return { vault: openVault(suite, input, key), sealed, key };
  }
}

const OTHER_KEY =
  'the vault has a new key, as after a device was revoked: log in with the password again';
const OTHER_IDENTITY = 'the vault on the server holds another identity';

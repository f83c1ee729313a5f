/**
 * Keeps this home's vault at the newest version, and gives the account a fresh box key every day.
 *
 * V1  A version below one seen before is a roll-back: it is never used, and people are warned.
 * V2  A vault with another identity is never used.
 */
import {
  boxKeyIsDue,
  checkPublished,
  retireBoxKeys,
  rotateBoxKey,
} from '../../crypto/opening/vault.ts';
import type { Vault } from '../../crypto/opening/vault.ts';
import { unwrapWithExportKey } from '../../crypto/opening/vault-key.ts';
import { openVault, sealVault } from '../../crypto/opening/vault-seal.ts';
import type { SecretBytes } from '../../crypto/secrets.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { Clock } from '../../ops/clock.ts';
import type { SealedVault } from '../../protocol/account.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import { BOX_KEY_RETAIN_MS, VAULT_CONFLICTS_MAX } from '../../protocol/limits.ts';
import type { EventHub } from '../events.ts';
import type { GateLink } from '../connection/gate-link.ts';
import type { AccountBook, OpenedVault } from './account-book.ts';

export interface VaultKeeperPorts {
  readonly clock: Clock;
  readonly suite: OpeningSuite;
  readonly book: AccountBook;
  readonly events: EventHub;
}

export class VaultKeeper {
  readonly #ports: VaultKeeperPorts;
  #work: Promise<unknown> = Promise.resolve();

  constructor(ports: VaultKeeperPorts) {
    this.#ports = ports;
  }

  /** After a first login here: opens the vault with the password's export key. @throws E_DECRYPT, E_KEY_CHANGED */
  async open(link: GateLink, exportKey: Uint8Array): Promise<void> {
    const { book, suite } = this.#ports;
    for (let attempt = 0; ; attempt++) {
      const sealed = await link.call('vault', {});
      const key = unwrapWithExportKey(suite, book.user, sealed.passwordWrap, exportKey);
      const vault = this.#openSealed(sealed, key);
      try {
        checkPublished(suite, vault, await link.call('keys', { user: book.user }));
        return await book.saveVault({ vault, sealed, key });
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

  /** Takes over a newer version that the server has; `version` is what it says it has. */
  refresh(link: GateLink, version: number): Promise<void> {
    return this.#inTurn(() => this.#refresh(link, version));
  }

  /** Gives the account a fresh box key when the current one has served its time. */
  rotateIfDue(link: GateLink): Promise<void> {
    return this.replace(link, (ours) => this.#rotate(link, ours));
  }

  /** Puts another vault in the place of ours; again with a newer one when another device was faster. */
  replace(
    link: GateLink,
    change: (ours: OpenedVault) => Promise<OpenedVault | undefined>,
  ): Promise<void> {
    return this.#inTurn(async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          const changed = await change(this.#opened());
          if (changed !== undefined) await this.#ports.book.saveVault(changed);
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
    const ours = this.#opened();
    if (version === ours.vault.version) return;
    if (version < ours.vault.version) return this.#warnRollback();
    const sealed = await link.call('vault', {});
    if (sealed.version < ours.vault.version) return this.#warnRollback();
    const { suite, book, events } = this.#ports;
    const vault = this.#tryOpen(sealed, ours.key);
    if (vault === undefined) return;
    if (!suite.equal(vault.identity.publicKey, ours.vault.identity.publicKey))
      return events.warn('E_KEY_CHANGED', 'the vault on the server holds another identity');
    await book.saveVault({ vault, sealed, key: ours.key });
  }

  /** A vault that is not ours to open changes nothing: the one we have goes on. */
  #tryOpen(sealed: SealedVault, key: SecretBytes): Vault | undefined {
    try {
      return this.#openSealed(sealed, key);
    } catch (cause) {
      const { code } = asFastChatError(cause);
      const text = 'the vault on the server cannot be opened here: log in with the password again';
      this.#ports.events.warn(code, text, this.#ports.book.user);
      return undefined;
    }
  }

  #warnRollback(): void {
    const text = 'the server served an older vault than it had before; it was not used';
    this.#ports.events.warn('E_KEY_CHANGED', text, this.#ports.book.user);
  }

  #openSealed(sealed: SealedVault, key: SecretBytes): Vault {
    const { suite, book } = this.#ports;
    const input = { user: book.user, version: sealed.version, sealed: sealed.vault };
    return openVault(suite, input, key);
  }

  async #rotate(link: GateLink, ours: OpenedVault): Promise<OpenedVault | undefined> {
    const { suite, book, clock } = this.#ports;
    if (!boxKeyIsDue(ours.vault, clock.now())) return undefined;
    const kept = retireBoxKeys(ours.vault, oldestNeeded(ours.vault, clock.now()));
    const { vault: rotated, boxKey } = rotateBoxKey(suite, kept, book.user, clock.now());
    const { vault, sealed: bytes } = sealVault(suite, rotated, book.user, ours.key);
    const { version } = await link.call('putVault', {
      expected: ours.vault.version,
      vault: bytes,
      wraps: undefined,
      box: boxKey,
      // One epoch of grace: what was sealed before the change and waits somewhere still gets in.
      minBoxEpoch: Math.max(1, boxKey.epoch - 1),
    });
    const sealed = { ...ours.sealed, version, vault: bytes };
    return { vault, sealed, key: ours.key };
  }
}

/** The epoch of the oldest private key that something retained may still be sealed to. */
function oldestNeeded(vault: Vault, nowMs: number): number {
  const needed = vault.boxKeys.find((_, index) => {
    const successor = vault.boxKeys[index + 1];
    return successor === undefined || nowMs - successor.madeAt < BOX_KEY_RETAIN_MS;
  });
  return needed?.epoch ?? 1;
}

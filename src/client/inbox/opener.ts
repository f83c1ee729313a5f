/** Opens entries of the inbox log, asking for what that needs: keys of new senders, a newer vault. Writes no history. */
import { openDirect } from '../../crypto/opening/direct-message.ts';
import type { OpenedMessage } from '../../crypto/opening/direct-message.ts';
import { currentBoxKey } from '../../crypto/opening/vault.ts';
import type { OpeningSuite } from '../../crypto/suite.ts';
import type { SyncItem } from '../../protocol/bodies.ts';
import type { LogEntry } from '../../protocol/envelope.ts';
import { FastChatError, asFastChatError } from '../../protocol/errors.ts';
import { isUser } from '../../protocol/ids.ts';
import type { Incarnation, UserId } from '../../protocol/ids.ts';
import type { AccountBook } from '../account/account-book.ts';
import type { VaultKeeper } from '../account/vault-keeper.ts';
import type { Directory } from '../directory.ts';
import { isPassing } from '../outbox/refusals.ts';
import type { LocalStore } from '../store/local-store.ts';

export type Opening =
  | { readonly type: 'opened'; readonly entry: LogEntry; readonly message: OpenedMessage }
  /** Told by this very device. */
  | { readonly type: 'own'; readonly entry: LogEntry }
  /** Nobody can say yet whether it is genuine: its sender's keys are out of reach, or changed and not accepted. */
  | {
      readonly type: 'held';
      readonly entry: LogEntry;
      readonly why: 'unreachable' | 'changed';
    }
  /** Sealed to a newer box key than this home can have until its person logs in. */
  | { readonly type: 'locked'; readonly entry: LogEntry }
  /** Genuine, but says something that this client does not understand. */
  | { readonly type: 'unsupported'; readonly entry: LogEntry }
  /** Not what its header claims. */
  | { readonly type: 'refused'; readonly entry: LogEntry; readonly error: FastChatError };

export interface OpenerPorts {
  readonly suite: OpeningSuite;
  readonly store: LocalStore;
  readonly book: AccountBook;
  readonly directory: Directory;
  readonly vaults: Pick<VaultKeeper, 'lock'>;
  /** Brings a newer vault, if there is one. @throws E_UNREACHABLE, ... */
  readonly refreshVault: () => Promise<void>;
}

/** One batch: what was asked for once is not asked for again. */
export class Opener {
  readonly #ports: OpenerPorts;
  readonly #incarnation: Incarnation;
  readonly #asked = new Set<UserId>();
  #isVaultFresh = false;

  constructor(ports: OpenerPorts, incarnation: Incarnation) {
    this.#ports = ports;
    this.#incarnation = incarnation;
  }

  /** @throws E_UNREACHABLE and the like when the vault could not be asked for: the entry is to be opened later */
  async open(entry: LogEntry): Promise<Opening> {
    const { envelope } = entry;
    const { book } = this.#ports;
    if (envelope.from === book.user && envelope.device === book.device?.device)
      return { type: 'own', entry };
    if (envelope.incarnation !== this.#incarnation)
      return refuse(
        entry,
        new FastChatError('E_SIGNATURE', 'written for another life of this log'),
      );
    try {
      const identity = await this.#identityOf(envelope.from);
      return await this.#openAs(entry, identity);
    } catch (cause) {
      return this.#unopened(entry, asFastChatError(cause));
    }
  }

  /** The pinned identity; a sender never seen before is asked for. */
  async #identityOf(user: UserId): Promise<Uint8Array> {
    const { book, directory, store } = this.#ports;
    if (user === book.user) return book.vault.identity.publicKey;
    const known = directory.peer(store, user);
    if (known !== undefined) return known.identity;
    const { keys } = await this.#ask(user);
    return keys.identity;
  }

  async #openAs(entry: LogEntry, identity: Uint8Array): Promise<Opening> {
    const { book, vaults } = this.#ports;
    const { boxEpoch, from } = entry.envelope;
    if (!book.boxKeys.has(boxEpoch)) await this.#refreshVault();
    if (vaults.lock !== undefined && boxEpoch > currentBoxKey(book.vault).epoch)
      return { type: 'locked', entry };
    try {
      const message = this.#read(entry, identity);
      if (message.body.type === 'sync') await this.#learnLogs(message.body.items);
      return { type: 'opened', entry, message };
    } catch (cause) {
      const error = asFastChatError(cause);
      if (error.code !== 'E_SIGNATURE' || from === book.user) throw error;
      return await this.#openChanged(entry, error);
    }
  }

  /** Not by the pinned identity: by the one that is published now? */
  async #openChanged(entry: LogEntry, error: FastChatError): Promise<Opening> {
    const { directory, store } = this.#ports;
    const { from } = entry.envelope;
    if (!this.#asked.has(from)) await this.#ask(from);
    const changed = directory.peer(store, from)?.changed;
    if (changed === undefined) return refuse(entry, error);
    this.#read(entry, changed);
    return { type: 'held', entry, why: 'changed' };
  }

  /** Receipts for what another device sent need the life of the recipient's log; without it they are only missed. */
  async #learnLogs(items: readonly SyncItem[]): Promise<void> {
    const { directory } = this.#ports;
    for (const { conversation } of items) {
      if (!isUser(conversation) || directory.cached(conversation) !== undefined) continue;
      await directory.keysOf(conversation).catch(() => undefined);
    }
  }

  #read(entry: LogEntry, senderIdentity: Uint8Array): OpenedMessage {
    const { suite, book } = this.#ports;
    const self = { user: book.user, identity: book.vault.identity.publicKey };
    const { envelope } = entry;
    return openDirect(suite, { envelope, self, keysByEpoch: book.boxKeys, senderIdentity });
  }

  async #ask(user: UserId): ReturnType<Directory['keysOf']> {
    try {
      const keys = await this.#ports.directory.keysOf(user, true);
      this.#asked.add(user);
      return keys;
    } catch (cause) {
      const error = asFastChatError(cause);
      throw isPassing(error) ? new KeysOutOfReach(error) : error;
    }
  }

  async #refreshVault(): Promise<void> {
    if (this.#isVaultFresh) return;
    try {
      await this.#ports.refreshVault();
    } catch (cause) {
      throw new VaultOutOfReach(asFastChatError(cause));
    }
    this.#isVaultFresh = true;
  }

  #unopened(entry: LogEntry, error: FastChatError): Opening {
    if (error instanceof VaultOutOfReach) throw error;
    if (error instanceof KeysOutOfReach) return { type: 'held', entry, why: 'unreachable' };
    const isUnknown = error.code === 'E_BAD_FRAME' || error.code === 'E_VERSION';
    return isUnknown ? { type: 'unsupported', entry } : refuse(entry, error);
  }
}

/** The sender's keys could not be asked for now. */
class KeysOutOfReach extends FastChatError {
  constructor(cause: FastChatError) {
    super(cause.code, cause.message, { cause });
  }
}

/** Our own vault could not be asked for now: nothing can be said of the entry, so nothing is. */
class VaultOutOfReach extends FastChatError {
  constructor(cause: FastChatError) {
    super(cause.code, cause.message, { cause });
  }
}

function refuse(entry: LogEntry, error: FastChatError): Opening {
  return { type: 'refused', entry, error };
}

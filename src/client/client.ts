/** The client: the public interface over its parts. */
import { fingerprint, formatFingerprint, parseFingerprint } from '../crypto/fingerprint.ts';
import { FastChatError } from '../protocol/errors.ts';
import { isUser } from '../protocol/ids.ts';
import type { Address, DeviceId, MessageId, UserId } from '../protocol/ids.ts';
import {
  GROUPS_WAIT_MS,
  HISTORY_MESSAGES_DEFAULT,
  REQUEST_TIMEOUT_MS,
  SEARCH_MESSAGES_DEFAULT,
} from '../protocol/limits.ts';
import { changePassword } from './account/password-change.ts';
import { PasswordLogin } from './account/password-login.ts';
import { checkPassword, registerAccount } from './account/registration.ts';
import type {
  Client,
  ClientEvent,
  ContactView,
  DeviceView,
  LoginResult,
  Message,
  SentMessage,
} from './api.ts';
import { dialAny } from './connection/establish.ts';
import { GateTrials } from './connection/gate-trials.ts';
import type { Session } from './connection/establish.ts';
import { makeBase, makeFlow, makeOnline } from './parts.ts';
import type { Parts } from './parts.ts';
import type { ClientOptions, ClientPorts } from './ports.ts';
import { findUnprinted, markPrinted } from './print.ts';
import type { GroupActions } from './group-api.ts';
import { startRoutines } from './routines.ts';
import { searchMessages } from './search.ts';
import { endReading, sessionEvents } from './session-events.ts';
import { loggedOutRecord } from './store/records.ts';

/** Opens the account's store and reads what an earlier run left; dials nobody. @throws E_KEY_CHANGED, E_DECRYPT, E_IO */
export async function createClient(ports: ClientPorts, options: ClientOptions): Promise<Client> {
  const base = makeBase(ports, options);
  const online = makeOnline(base, options.deviceName, {
    listener: sessionEvents(() => parts),
    onNewDevice: () => parts.outbox.deviceChanged(),
    groupKeys: { plan: () => parts.keyRenewal.plan(), run: () => parts.keyRenewal.run() },
  });
  const parts: Parts = { ...base, ...online, ...makeFlow(base, online) };
  if (options.servers !== undefined) await base.gates.save();
  return new FastChatClient(parts);
}

class FastChatClient implements Client {
  readonly account: UserId;
  readonly group: GroupActions;
  readonly #parts: Parts;
  readonly #routines: { cancel(): void };
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.account = parts.self;
    this.group = parts.groupOperations;
    this.#routines = startRoutines(parts);
  }

  get registered(): boolean {
    return this.#parts.book.isRegistered;
  }

  async register(
    password: string,
    options: { readonly invitation?: string } = {},
  ): ReturnType<Client['register']> {
    checkPassword(password);
    const { gates, book, device } = this.#parts;
    const { clock, random, network, suite, passwords } = this.#parts.ports;
    const trials = new GateTrials(clock, random);
    const link = await dialAny({ clock, random, network, gates, trials });
    try {
      const ports = { clock, suite, passwords, book, device };
      return await registerAccount(ports, link, password, options.invitation);
    } finally {
      link.close('registered');
    }
  }

  async login(password: string): Promise<LoginResult> {
    const { book, device, vaults, connection } = this.#parts;
    const { passwords } = this.#parts.ports;
    const login = new PasswordLogin({ passwords, book, vaults, device }, password);
    const session = await connection.open(login);
    await this.#setLoggedOut(false);
    return await this.#resultOf(session);
  }

  async connect(): Promise<LoginResult> {
    const { store, keys } = this.#parts;
    if (!this.registered || store.get(keys.loggedOut, loggedOutRecord) !== undefined)
      throw new FastChatError(
        'E_NOT_LOGGED_IN',
        `log in as ${this.account} with the password first`,
      );
    return await this.#resultOf(await this.#parts.connection.start());
  }

  async logout(): Promise<void> {
    const { connection, events } = this.#parts;
    connection.stop('logged out');
    endReading(this.#parts, new FastChatError('E_NOT_LOGGED_IN', 'logged out'));
    events.emit({ type: 'state', connected: false, node: undefined });
    if (this.registered) await this.#setLoggedOut(true);
  }

  async caughtUp(): Promise<void> {
    const { connection, inbox, groups } = this.#parts;
    const { attachment } = await connection.online(REQUEST_TIMEOUT_MS);
    await inbox.reached(attachment.head);
    await groups.caughtUp();
  }

  async send(
    to: Address,
    text: string,
    options: Parameters<Client['send']>[2] = {},
  ): Promise<SentMessage> {
    this.#needSession(options.wait ?? 'stored');
    return await this.#parts.messages.send(to, text, options);
  }

  queued(): number {
    return this.#parts.outbox.loud;
  }

  flushed(timeoutMs: number): Promise<void> {
    return this.#parts.outbox.emptied(this.#parts.ports.clock, timeoutMs, 'loud');
  }

  async markRead(conversation: Address, id: MessageId): Promise<void> {
    await this.#parts.reads.mark(conversation, id);
  }

  conversations(): ReturnType<Client['conversations']> {
    const list = this.#parts.history
      .conversations()
      .map(({ conversation, unread, lastTimestamp }) => ({ conversation, unread, lastTimestamp }));
    return Promise.resolve(list.sort((a, b) => b.lastTimestamp - a.lastTimestamp));
  }

  // oxlint-disable-next-line typescript/require-await
  async history(
    conversation: Address,
    options: Parameters<Client['history']>[1] = {},
  ): Promise<readonly Message[]> {
    const limit = options.limit ?? HISTORY_MESSAGES_DEFAULT;
    return this.#parts.messages.list(conversation, limit, options.before);
  }

  async search(
    query: string,
    options: Parameters<Client['search']>[1] = {},
  ): Promise<readonly Message[]> {
    const { history, messages } = this.#parts;
    const { clock } = this.#parts.ports;
    const limit = options.limit ?? SEARCH_MESSAGES_DEFAULT;
    const where = { conversation: options.conversation, limit };
    const found = await searchMessages({ clock, history }, query, where);
    return found.map((record) => messages.view(record));
  }

  unprinted(conversation: Address | undefined, limit: number): ReturnType<Client['unprinted']> {
    const found = findUnprinted(this.#parts, conversation, limit);
    const messages = found.records.map((record) => this.#parts.messages.view(record));
    return Promise.resolve({ messages, mark: () => markPrinted(this.#parts, found) });
  }

  async fingerprint(user: UserId): ReturnType<Client['fingerprint']> {
    const { directory, book, ports } = this.#parts;
    if (user === this.account) {
      const digits = fingerprint(ports.suite, user, book.vault.identity.publicKey);
      return { fingerprint: formatFingerprint(digits), verified: true };
    }
    const { digits, verified } = await directory.fingerprintOf(user);
    return { fingerprint: formatFingerprint(digits), verified };
  }

  async verify(user: UserId, text: string): Promise<{ readonly verified: boolean }> {
    const { directory, sender, inbox } = this.#parts;
    const verified = await directory.verify(user, parseFingerprint(text));
    if (!verified) return { verified };
    sender.accepted(user);
    inbox.accepted(user);
    return { verified };
  }

  contacts(): Promise<readonly ContactView[]> {
    return this.#parts.contacts.list();
  }

  addContact(user: UserId): Promise<void> {
    return this.#parts.contacts.setContact(user, true);
  }

  removeContact(user: UserId): Promise<void> {
    return this.#parts.contacts.setContact(user, false);
  }

  block(user: UserId): Promise<void> {
    return this.#parts.contacts.setBlocked(user, true);
  }

  unblock(user: UserId): Promise<void> {
    return this.#parts.contacts.setBlocked(user, false);
  }

  presence(user: UserId): ReturnType<Client['presence']> {
    return this.#parts.contacts.presence(user);
  }

  groups(): ReturnType<Client['groups']> {
    return this.#parts.groups.known(GROUPS_WAIT_MS);
  }

  typing(conversation: Address): void {
    if (!isUser(conversation)) return;
    this.#parts.connection.session?.link.tell({ type: 'typing', to: conversation });
  }

  async changePassword(old: string, next: string): Promise<void> {
    checkPassword(next);
    const { connection, vaults, self } = this.#parts;
    const { suite, passwords } = this.#parts.ports;
    const { link } = await connection.online(REQUEST_TIMEOUT_MS);
    const change = { suite, passwords, user: self, old, next };
    await vaults.replace(link, (ours) => changePassword(change, link, ours));
  }

  async devices(): Promise<readonly DeviceView[]> {
    const { connection, book } = this.#parts;
    const { devices } = await connection.call('devices', {}, { repeat: true });
    return devices.map((device) => ({
      ...device,
      current: device.device === book.device?.device,
    }));
  }

  async revokeDevice(device: DeviceId): Promise<void> {
    const { connection, revocations } = this.#parts;
    const { link } = await connection.online(REQUEST_TIMEOUT_MS);
    await revocations.revoke(link, device);
  }

  on(listener: (event: ClientEvent) => void): { off(): void } {
    return this.#parts.events.on(listener);
  }

  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    const { connection, waiters, store } = this.#parts;
    this.#routines.cancel();
    if (graceMs > 0) await this.#sendAll(graceMs).catch(() => undefined);
    connection.stop('closed');
    const closed = new FastChatError('E_UNREACHABLE', 'the client is closed');
    waiters.failAll(closed);
    endReading(this.#parts, closed);
    await store.close();
  }

  /** Sends what waits, then tells the other devices of it. @throws E_TIMEOUT */
  async #sendAll(graceMs: number): Promise<void> {
    const { connection, outbox, ownDevices, ports } = this.#parts;
    const endMs = ports.clock.mono() + graceMs;
    for (const what of ['loud', 'all'] as const) {
      ownDevices.flush();
      if (connection.session === undefined) return;
      await outbox.emptied(ports.clock, Math.max(0, endMs - ports.clock.mono()), what);
    }
  }

  async #resultOf({ attachment: { node, pending } }: Session): Promise<LoginResult> {
    return { node, pending: pending + (await this.#parts.groups.pending(GROUPS_WAIT_MS)) };
  }

  async #setLoggedOut(isLoggedOut: boolean): Promise<void> {
    const { store, keys } = this.#parts;
    if ((store.get(keys.loggedOut, loggedOutRecord) !== undefined) === isLoggedOut) return;
    await store.transact((tx) => {
      if (isLoggedOut) tx.put(keys.loggedOut, loggedOutRecord, {});
      else tx.remove(keys.loggedOut);
    });
  }

  /** Whoever waits for a node needs a session, or somebody who seeks one. */
  #needSession(wait: string): void {
    const { connection, book } = this.#parts;
    if (!book.isRegistered || (wait !== 'none' && !connection.isStarted))
      throw new FastChatError('E_NOT_LOGGED_IN', `log in as ${this.account} first`);
  }
}

/** Contacts, blocks and who is online. The list lives at the account's node; what this home shows is a copy. */
import type { ContactInfo, PresenceInfo } from '../protocol/account.ts';
import type { UserId } from '../protocol/ids.ts';
import { PRESENCE_CALLS_MAX, WATCHED_USERS_MAX } from '../protocol/limits.ts';
import type { ContactView } from './api.ts';
import type { Connection } from './connection/connection.ts';
import type { Directory } from './directory.ts';
import type { EventHub } from './events.ts';
import type { StoreKeys } from './store/keys.ts';
import type { LocalStore } from './store/local-store.ts';
import { blockedRecord } from './store/records.ts';

export interface ContactsPorts {
  readonly connection: Connection;
  readonly directory: Directory;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly events: EventHub;
}

export class Contacts {
  readonly #ports: ContactsPorts;
  readonly #blocked = new Set<UserId>();
  readonly #watched = new Set<UserId>();
  /** Told by the node in this session. */
  readonly #presence = new Map<UserId, PresenceInfo>();
  /** What listeners were told last; as many as there are watched users. */
  readonly #told = new Map<UserId, boolean>();

  constructor(ports: ContactsPorts) {
    this.#ports = ports;
    for (const { value } of ports.store.all(ports.keys.blockedUsers, blockedRecord))
      this.#blocked.add(value.user);
  }

  isBlocked(user: UserId): boolean {
    return this.#blocked.has(user);
  }

  /** A new session knows nothing of whom we watch. Failing only delays presence. */
  async attached(): Promise<void> {
    this.#presence.clear();
    await this.#fetch();
  }

  /** A watched user came or went. */
  changed(presence: PresenceInfo): void {
    const { user, online, lastSeen } = presence;
    if (!this.#watched.has(user)) return;
    this.#presence.set(user, presence);
    // The node tells the present state with every renewal of a watch; people are told of changes.
    if (this.#told.get(user) === online) return;
    this.#told.set(user, online);
    this.#ports.events.emit({ type: 'presence', user, online, lastSeen });
  }

  async list(): Promise<readonly ContactView[]> {
    const contacts = await this.#fetch();
    const views: ContactView[] = [];
    for (let start = 0; start < contacts.length; start += PRESENCE_CALLS_MAX) {
      const slice = contacts.slice(start, start + PRESENCE_CALLS_MAX);
      views.push(...(await Promise.all(slice.map((contact) => this.#view(contact)))));
    }
    return views;
  }

  async presence(user: UserId): Promise<PresenceInfo> {
    return await this.#ports.connection.call('presence', { user }, { repeat: true });
  }

  /** @throws E_NO_SUCH_USER */
  async setContact(user: UserId, contact: boolean): Promise<void> {
    if (contact) await this.#ports.directory.keysOf(user);
    await this.#put({ ...(await this.#known(user)), contact });
  }

  async setBlocked(user: UserId, blocked: boolean): Promise<void> {
    await this.#put({ ...(await this.#known(user)), blocked });
  }

  async #known(user: UserId): Promise<ContactInfo> {
    const contacts = await this.#fetch();
    const known = contacts.find((contact) => contact.user === user);
    return known ?? { user, contact: false, blocked: false };
  }

  async #put(info: ContactInfo): Promise<void> {
    await this.#ports.connection.call('putContact', info, { repeat: true });
    await this.#noteBlocked(info.user, info.blocked);
    if (info.contact && !info.blocked) this.#watched.add(info.user);
    else this.#watched.delete(info.user);
    this.#watch();
  }

  async #fetch(): Promise<readonly ContactInfo[]> {
    const { contacts } = await this.#ports.connection.call('contacts', {}, { repeat: true });
    for (const { user, blocked } of contacts)
      if (blocked !== this.#blocked.has(user)) await this.#noteBlocked(user, blocked);
    const watched = contacts.filter(({ contact, blocked }) => contact && !blocked);
    this.#watched.clear();
    for (const { user } of watched.slice(0, WATCHED_USERS_MAX)) this.#watched.add(user);
    this.#watch();
    return contacts;
  }

  async #noteBlocked(user: UserId, blocked: boolean): Promise<void> {
    const { store, keys } = this.#ports;
    if (blocked) this.#blocked.add(user);
    else this.#blocked.delete(user);
    await store.transact((tx) => {
      if (blocked) tx.put(keys.blocked(user), blockedRecord, { user });
      else tx.remove(keys.blocked(user));
    });
  }

  #watch(): void {
    for (const user of this.#told.keys()) if (!this.#watched.has(user)) this.#told.delete(user);
    const users = [...this.#watched].slice(0, WATCHED_USERS_MAX);
    this.#ports.connection.session?.link.tell({ type: 'watch', users });
  }

  async #view({ user, blocked }: ContactInfo): Promise<ContactView> {
    const { online, lastSeen } = this.#presence.get(user) ?? (await this.presence(user));
    const peer = this.#ports.directory.peer(this.#ports.store, user);
    const verified = peer?.verified === true && peer.changed === undefined;
    return { user, online, lastSeen, verified, blocked };
  }
}

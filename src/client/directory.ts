/**
 * The public keys of other users, and whom this home trusts to be whom.
 *
 * T1  The first identity seen of a user is pinned; another one never replaces it but by `accept`, after a person compared.
 * T2  A box key counts only with the pinned identity's signature, and never an older epoch after a newer one.
 */
import { fingerprint } from '../crypto/fingerprint.ts';
import { verifyBoxKey } from '../crypto/identity.ts';
import type { OpeningSuite } from '../crypto/suite.ts';
import type { PublicKeys } from '../protocol/account.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { UserId } from '../protocol/ids.ts';
import { KEYS_CACHED_MAX } from '../protocol/limits.ts';
import type { EventHub } from './events.ts';
import type { StoreKeys } from './store/keys.ts';
import type { LocalStore, Reader, Transaction } from './store/local-store.ts';
import { peerRecord } from './store/records.ts';
import type { PeerRecord } from './store/records.ts';

/** The keys of a user, and whether they belong to the identity that was pinned. */
export interface TrustedKeys {
  readonly keys: PublicKeys;
  readonly trust: 'pinned' | 'changed';
}

export interface DirectoryPorts {
  readonly suite: OpeningSuite;
  readonly store: LocalStore;
  readonly keys: StoreKeys;
  readonly events: EventHub;
  /** Asks a node. @throws E_NO_SUCH_USER, E_UNREACHABLE, ... */
  readonly fetchKeys: (user: UserId) => Promise<PublicKeys>;
}

export class Directory {
  readonly #ports: DirectoryPorts;
  /** In order of their last fetch. */
  readonly #cache = new Map<UserId, TrustedKeys>();
  readonly #fetching = new Map<UserId, Promise<TrustedKeys>>();
  /** Whom people were warned of since good keys were last seen: asking again is no news. */
  readonly #warned = new Map<UserId, string>();

  constructor(ports: DirectoryPorts) {
    this.#ports = ports;
  }

  /** What this home knows of a user without asking anybody. */
  peer(reader: Reader, user: UserId): PeerRecord | undefined {
    return reader.get(this.#ports.keys.peer(user), peerRecord);
  }

  /** Keys fetched before, without asking. */
  cached(user: UserId): TrustedKeys | undefined {
    return this.#cache.get(user);
  }

  /** The present keys; `fresh` asks even when they were fetched before. @throws E_NO_SUCH_USER, E_SIGNATURE, E_UNREACHABLE */
  async keysOf(user: UserId, fresh = false): Promise<TrustedKeys> {
    const known = fresh ? undefined : this.#cache.get(user);
    if (known !== undefined) return known;
    const fetching = this.#fetching.get(user) ?? this.#fetch(user);
    this.#fetching.set(user, fetching);
    try {
      return await fetching;
    } finally {
      if (this.#fetching.get(user) === fetching) this.#fetching.delete(user);
    }
  }

  /** The pinned identity; of somebody never seen before, the one that is published now. @throws as `keysOf` */
  async identityOf(user: UserId): Promise<Uint8Array> {
    return (this.peer(this.#ports.store, user) ?? (await this.#pinned(user))).identity;
  }

  /** What people compare: sixty digits of the identity that is published now. */
  async fingerprintOf(user: UserId): Promise<{ digits: string; verified: boolean }> {
    const { suite, store } = this.#ports;
    const peer = this.peer(store, user) ?? (await this.#pinned(user));
    const identity = peer.changed ?? peer.identity;
    const verified = peer.verified && peer.changed === undefined;
    return { digits: fingerprint(suite, user, identity), verified };
  }

  /** Marks the identity with this fingerprint as verified; a pending change to it is accepted. False: another fingerprint. */
  async verify(user: UserId, digits: string): Promise<boolean> {
    const { suite, store } = this.#ports;
    const { keys } = await this.keysOf(user, true);
    if (fingerprint(suite, user, keys.identity) !== digits) return false;
    await store.transact((tx) => {
      const peer = this.peer(tx, user);
      if (peer === undefined) return;
      const isSame = suite.equal(peer.identity, keys.identity);
      const boxEpoch = isSame ? Math.max(peer.boxEpoch, keys.box.epoch) : keys.box.epoch;
      const accepted = { user, identity: keys.identity, boxEpoch, verified: true };
      this.#put(tx, { ...accepted, changed: undefined });
    });
    this.#remember(user, { keys, trust: 'pinned' });
    return true;
  }

  async #pinned(user: UserId): Promise<PeerRecord> {
    await this.keysOf(user, true);
    const peer = this.peer(this.#ports.store, user);
    if (peer === undefined) throw new FastChatError('E_INTERNAL', 'fetched keys were not pinned');
    return peer;
  }

  async #fetch(user: UserId): Promise<TrustedKeys> {
    const { suite, store, fetchKeys } = this.#ports;
    const keys = await fetchKeys(user);
    if (!verifyBoxKey(suite, user, keys.identity, keys.box))
      throw this.#distrust(user, 'the published box key is not signed by the published identity');
    const trust = await store.transact((tx) => this.#judge(tx, user, keys));
    const trusted = { keys, trust };
    this.#remember(user, trusted);
    return trusted;
  }

  #judge(tx: Transaction, user: UserId, keys: PublicKeys): TrustedKeys['trust'] {
    const { suite, events } = this.#ports;
    const { identity, box } = keys;
    const peer = this.peer(tx, user);
    if (peer === undefined) {
      const pin = { user, identity, boxEpoch: box.epoch, verified: false, changed: undefined };
      this.#put(tx, pin);
      return 'pinned';
    }
    if (suite.equal(peer.identity, identity)) {
      if (box.epoch < peer.boxEpoch) throw this.#distrust(user, 'an outdated box key was served');
      this.#put(tx, { ...peer, boxEpoch: box.epoch, changed: undefined });
      return 'pinned';
    }
    const isNews = peer.changed === undefined || !suite.equal(peer.changed, identity);
    this.#put(tx, { ...peer, changed: identity });
    const text = `the identity key of ${user} has changed: nothing is sent until it is verified`;
    if (isNews) tx.after(() => events.warn('E_KEY_CHANGED', text, user));
    return 'changed';
  }

  #distrust(user: UserId, why: string): FastChatError {
    if (this.#warned.get(user) !== why) this.#ports.events.warn('E_SIGNATURE', why, user);
    this.#warned.set(user, why);
    return new FastChatError('E_SIGNATURE', why);
  }

  #put(tx: Transaction, peer: PeerRecord): void {
    tx.put(this.#ports.keys.peer(peer.user), peerRecord, peer);
  }

  #remember(user: UserId, keys: TrustedKeys): void {
    this.#warned.delete(user);
    this.#cache.delete(user);
    this.#cache.set(user, keys);
    if (this.#cache.size <= KEYS_CACHED_MAX) return;
    const oldest = this.#cache.keys().next().value;
    if (oldest !== undefined) this.#cache.delete(oldest);
  }
}

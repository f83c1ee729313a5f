/** The keys of the client's store: a short prefix for the kind, then blinded names and numbers in the order they are read. */
import { KEY_NUMBER_MAX, storeKey } from '../../persist/keys.ts';
import type { StoreKey } from '../../persist/shard-store.ts';
import type {
  Address,
  DeviceId,
  GroupId,
  Incarnation,
  MessageId,
  UserId,
} from '../../protocol/ids.ts';
import type { KeyPlace } from '../../crypto/opening/group-keys.ts';
import type { LocalStore } from './local-store.ts';

/** A number a peer names may be any; keys hold those up to 2^48 - 1, and no honest log comes near. */
function bounded(value: number): number {
  return Math.min(value, KEY_NUMBER_MAX);
}

export class StoreKeys {
  readonly #store: LocalStore;

  constructor(store: LocalStore) {
    this.#store = store;
  }

  readonly account: StoreKey = storeKey('account');
  readonly gates: StoreKey = storeKey('gates');
  /** Present: the person has logged out, and the password is wanted again. */
  readonly loggedOut: StoreKey = storeKey('logged-out');
  readonly inbox: StoreKey = storeKey('inbox');
  readonly printed: StoreKey = storeKey('printed');

  /** All messages of a conversation, or the one at `seq`. */
  message(conversation: Address, seq?: number): StoreKey {
    const name = this.#store.blind('conversation', conversation);
    return seq === undefined ? storeKey('m', name) : storeKey('m', name, bounded(seq));
  }

  readonly messages: StoreKey = storeKey('m');

  messageId(conversation: Address, from: UserId, id: MessageId): StoreKey {
    return storeKey('i', this.#store.blind('id', conversation, from, id));
  }

  /** The first message of a group under this id, whoever sent it. */
  firstMessageId(conversation: Address, id: MessageId): StoreKey {
    return storeKey('i', this.#store.blind('first id', conversation, id));
  }

  readonly conversations: StoreKey = storeKey('v');

  conversation(conversation: Address): StoreKey {
    return storeKey('v', this.#store.blind('conversation', conversation));
  }

  readonly arrivals: StoreKey = storeKey('a');

  arrival(arrival: number): StoreKey {
    return storeKey('a', arrival);
  }

  /** Own messages by their place in a recipient's log; without `counter` all of that device. */
  place(
    peer: Address,
    at: { readonly incarnation: Incarnation; readonly device: DeviceId },
    counter?: number,
  ): StoreKey {
    const name = this.#store.blind('place', peer, at.incarnation);
    return counter === undefined
      ? storeKey('c', name, at.device)
      : storeKey('c', name, at.device, bounded(counter));
  }

  readonly watermarks: StoreKey = storeKey('w');

  watermark(peer: UserId, device?: DeviceId): StoreKey {
    const name = this.#store.blind('watermark', peer);
    return device === undefined ? storeKey('w', name) : storeKey('w', name, device);
  }

  chain(chain: string): StoreKey {
    return storeKey('n', this.#store.blind('chain', chain));
  }

  peer(user: UserId): StoreKey {
    return storeKey('p', this.#store.blind('peer', user));
  }

  readonly blockedUsers: StoreKey = storeKey('b');

  blocked(user: UserId): StoreKey {
    return storeKey('b', this.#store.blind('blocked', user));
  }

  readonly drafts: StoreKey = storeKey('o');

  draft(ordinal: number): StoreKey {
    return storeKey('o', ordinal);
  }

  sealed(ordinal: number): StoreKey {
    return storeKey('e', ordinal);
  }

  lane(to: Address): StoreKey {
    return storeKey('l', this.#store.blind('lane', to));
  }

  readonly untoldMessages: StoreKey = storeKey('y');

  /** Own messages that the other devices have not been told of. */
  untold(ordinal: number): StoreKey {
    return storeKey('y', ordinal);
  }

  readonly held: StoreKey = storeKey('h');

  heldOf(from: UserId, seq?: number): StoreKey {
    const name = this.#store.blind('held', from);
    return seq === undefined ? storeKey('h', name) : storeKey('h', name, bounded(seq));
  }

  readonly groups: StoreKey = storeKey('g');

  group(group: GroupId): StoreKey {
    return storeKey('g', this.#store.blind('group', group));
  }

  groupPlace(group: GroupId): StoreKey {
    return storeKey('gp', this.#store.blind('group', group));
  }

  groupEpoch({ group, incarnation, epoch }: KeyPlace): StoreKey {
    return storeKey('ge', this.#store.blind('group', group, incarnation), epoch);
  }

  /** Groups whose key a revoked device knows. */
  readonly groupRenewals: StoreKey = storeKey('group-renewals');

  groupMarks(group: GroupId): StoreKey {
    return storeKey('gm', this.#store.blind('group', group));
  }

  /** Own messages by their entry in this life of a group's log; without `seq` all of them. */
  groupSent(group: GroupId, incarnation: Incarnation, seq?: number): StoreKey {
    const name = this.#store.blind('group', group, incarnation);
    return seq === undefined ? storeKey('gs', name) : storeKey('gs', name, bounded(seq));
  }

  /** An entry that says something this client does not understand. */
  unsupported(seq: number): StoreKey {
    return storeKey('x', bounded(seq));
  }
}

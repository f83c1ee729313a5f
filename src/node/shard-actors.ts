/** The actors of this node, of users and of groups: hands them requests, and stops them when their shard leaves. */
import { groupBehaviour } from '../actors/group/actor.ts';
import type { GroupInbound } from '../actors/group/messages.ts';
import type { ActorFamily, ActorHost } from '../actors/runtime/actor-host.ts';
import type { ActorStore, Courier, UserMeter } from '../actors/ports.ts';
import { userBehaviour } from '../actors/user/actor.ts';
import type { UserInbound } from '../actors/user/messages.ts';
import type { UserSettings } from '../actors/user/state.ts';
import type { ShardServing } from '../cluster/ownership.ts';
import { FRESH_READS } from '../cluster/replication/fresh-reads.ts';
import type { Tenure } from '../cluster/replication/tenure.ts';
import type { Done, LocalActors } from '../cluster/router-ports.ts';
import type { VerifyingSuite } from '../crypto/suite.ts';
import type { Clock } from '../ops/clock.ts';
import { CoarseTimers } from '../ops/coarse-timers.ts';
import type { Random } from '../ops/random.ts';
import { chunkCount, chunkWrites, joinParts } from '../persist/chunks.ts';
import { after, storeKey } from '../persist/keys.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import type { ActorRequest } from '../protocol/actor-calls.ts';
import { fail } from '../protocol/calls.ts';
import { FastChatError } from '../protocol/errors.ts';
import { groupCalls } from '../protocol/group-calls.ts';
import type { GroupRequest } from '../protocol/group-calls.ts';
import type { GroupNews } from '../protocol/group-facts.ts';
import { isGroup, isUser, parseAddress } from '../protocol/ids.ts';
import type { Address, GroupId, NodeId, ShardId, UserId } from '../protocol/ids.ts';
import { COORDINATOR_RETRY_MS } from '../protocol/limits.ts';

export interface ShardActorsOptions {
  readonly host: ActorHost;
  readonly store: ShardStore;
  readonly courier: Courier;
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: UserMeter;
  readonly suite: VerifyingSuite;
  readonly settings: UserSettings;
  /** Hands a group's news to the interested sessions of each of these nodes. */
  readonly fanOut: (nodes: readonly NodeId[], news: GroupNews) => void;
  readonly shardOf: (address: Address) => ShardId;
  /** What actors of a shard bind to, while this node serves it. */
  readonly tenureOf: (shard: ShardId) => Tenure | undefined;
  /** Whether this node surely still owns a shard (I5). */
  readonly isCertain: (shard: ShardId) => boolean;
}

const CODEC = {
  key: storeKey,
  after,
  chunk: chunkWrites,
  chunkCount,
  join: joinParts,
};

const MOVED = new FastChatError('E_MOVED', 'the shard moves to another node');

const UNCERTAIN = new FastChatError('E_UNREACHABLE', 'this node may no longer own the shard', {
  retryAfterMs: COORDINATOR_RETRY_MS,
});

/** Keys begin with an address; `#` comes before `@`. */
const [GROUPS_START, USERS_START] = [Buffer.from('#'), Buffer.from('@')];

export class ShardActors implements LocalActors, ShardServing {
  readonly #options: ShardActorsOptions;
  readonly #users: ActorFamily<UserInbound>;
  readonly #groups: ActorFamily<GroupInbound>;

  constructor(options: ShardActorsOptions) {
    const storeOf = (address: Address): ActorStore => this.#storeOf(address);
    const timers = new CoarseTimers(options.clock);
    const ports = { ...options, timers, codec: CODEC, storeOf };
    this.#options = options;
    this.#users = options.host.family((id) => userBehaviour(id as UserId, ports));
    this.#groups = options.host.family((id) => groupBehaviour(id as GroupId, ports));
  }

  /** The actor is bound to the present tenure of its shard, which it never outlives. */
  deliver(address: Address, _epoch: number, request: ActorRequest, done: Done | undefined): void {
    if (isGroup(address) !== isForGroups(request)) {
      done?.(fail(new FastChatError('E_BAD_FRAME', `${address} is not asked ${request.type}`)));
      return;
    }
    // What the table says belongs together; the compiler cannot follow the address's kind into the union.
    if (FRESH_READS.has(request.type) && !this.#options.isCertain(this.#options.shardOf(address))) {
      done?.(fail(UNCERTAIN));
      return;
    }
    const { type } = request;
    const ask = (done === undefined ? { type, request } : { type, request, done }) as never;
    if (isUser(address)) this.#users.tell(address, ask);
    else this.#groups.tell(address, ask);
  }

  freeze(shard: ShardId): Promise<void> {
    const { host, shardOf } = this.#options;
    const isInShard = (id: string): boolean => isAddress(id) && shardOf(id) === shard;
    return host.stopWhere(isInShard, MOVED);
  }

  /** Actors come back by themselves, with the first message. */
  resume(): void {
    return undefined;
  }

  /** Lets a user or a group see what time it is, and activates it for that. */
  wake(address: Address): void {
    if (isUser(address)) this.#users.tell(address, { type: 'tick' });
    else this.#groups.tell(address, { type: 'tick' });
  }

  /** Names of the accounts in a shard, in order: at most `limit`, after `previous`. */
  usersIn(shard: ShardId, limit = Infinity, previous?: UserId): readonly UserId[] {
    return this.#namesIn(shard, USERS_START, { limit, previous }) as readonly UserId[];
  }

  /** Groups, then accounts of a shard, in order: at most `limit`, after `previous`. */
  addressesIn(shard: ShardId, limit: number, previous?: Address): readonly Address[] {
    return this.#namesIn(shard, GROUPS_START, { limit, previous });
  }

  #namesIn(
    shard: ShardId,
    start: Uint8Array,
    { limit, previous }: { readonly limit: number; readonly previous: Address | undefined },
  ): readonly Address[] {
    const { store } = this.#options;
    const names: Address[] = [];
    const end = after(USERS_START);
    let from = previous === undefined ? start : after(storeKey(previous));
    while (names.length < limit) {
      const [found] = store.range(shard, from, end, { limit: 1 });
      if (found === undefined) return names;
      const key = Buffer.from(found[0]);
      const name = parseAddress(key.toString('utf8', 0, key.indexOf(0)));
      names.push(name);
      from = after(storeKey(name));
    }
    return names;
  }

  #storeOf(address: Address): ActorStore {
    const { store, shardOf, tenureOf } = this.#options;
    const shard = shardOf(address);
    const tenure = tenureOf(shard);
    if (tenure === undefined) throw MOVED;
    return {
      commit: (writes) => tenure.commit(writes),
      get: (key) => store.get(shard, key),
      range: (from, to, options) => store.range(shard, from, to, options),
      settled: () => tenure.settled(),
    };
  }
}

function isAddress(id: string): id is Address {
  return id.startsWith('@') || id.startsWith('#');
}

function isForGroups(request: ActorRequest): request is GroupRequest {
  return Object.hasOwn(groupCalls.calls, request.type);
}

/** The user actors of this node: hands them requests, and stops them when their shard leaves. */
import type { ActorFamily, ActorHost } from '../actors/runtime/actor-host.ts';
import type { ActorStore, Courier, UserMeter } from '../actors/ports.ts';
import { userBehaviour } from '../actors/user/actor.ts';
import type { UserInbound } from '../actors/user/messages.ts';
import type { UserSettings } from '../actors/user/state.ts';
import type { ShardServing } from '../cluster/ownership.ts';
import { FRESH_READS } from '../cluster/replication/fresh-reads.ts';
import type { Tenure } from '../cluster/replication/tenure.ts';
import type { Done, LocalActors } from '../cluster/router-ports.ts';
import type { Clock } from '../ops/clock.ts';
import { CoarseTimers } from '../ops/coarse-timers.ts';
import type { Random } from '../ops/random.ts';
import { chunkCount, chunkWrites, joinParts } from '../persist/chunks.ts';
import { after, storeKey } from '../persist/keys.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { fail } from '../protocol/calls.ts';
import { FastChatError } from '../protocol/errors.ts';
import { isUser, parseAddress } from '../protocol/ids.ts';
import type { Address, ShardId, UserId } from '../protocol/ids.ts';
import { COORDINATOR_RETRY_MS } from '../protocol/limits.ts';
import type { UserRequest } from '../protocol/user-calls.ts';

export interface UserActorsOptions {
  readonly host: ActorHost;
  readonly store: ShardStore;
  readonly courier: Courier;
  readonly clock: Clock;
  readonly random: Random;
  readonly meter: UserMeter;
  readonly settings: UserSettings;
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

export class UserActors implements LocalActors, ShardServing {
  readonly #options: UserActorsOptions;
  readonly #family: ActorFamily<UserInbound>;

  constructor(options: UserActorsOptions) {
    const { host, courier, clock, random, meter, settings } = options;
    const storeOf = (user: UserId): ActorStore => this.#storeOf(user);
    const timers = new CoarseTimers(clock);
    const ports = { clock, timers, random, courier, codec: CODEC, meter, settings, storeOf };
    this.#options = options;
    this.#family = host.family((id) => userBehaviour(id as UserId, ports));
  }

  /** The actor is bound to the present tenure of its shard, which it never outlives. */
  deliver(address: Address, _epoch: number, request: UserRequest, done: Done | undefined): void {
    if (!isUser(address)) {
      done?.(fail(new FastChatError('E_NO_SUCH_GROUP', `there is no group ${address}`)));
      return;
    }
    if (FRESH_READS.has(request.type) && !this.#options.isCertain(this.#options.shardOf(address))) {
      done?.(fail(UNCERTAIN));
      return;
    }
    const { type } = request;
    this.#family.tell(address, done === undefined ? { type, request } : { type, request, done });
  }

  freeze(shard: ShardId): Promise<void> {
    const { host, shardOf } = this.#options;
    const isInShard = (id: string): boolean =>
      id.startsWith('@') && shardOf(id as UserId) === shard;
    return host.stopWhere(isInShard, MOVED);
  }

  /** Actors come back by themselves, with the first message. */
  resume(): void {
    return undefined;
  }

  /** Lets a user see what time it is, and activates it for that. */
  wake(user: UserId): void {
    this.#family.tell(user, { type: 'tick' });
  }

  /** Names of the accounts in a shard, in order: at most `limit`, after `previous`. */
  usersIn(shard: ShardId, limit = Infinity, previous?: UserId): readonly UserId[] {
    const { store } = this.#options;
    const users: UserId[] = [];
    const all: Uint8Array = Buffer.from('@');
    const end = after(all);
    let from = previous === undefined ? all : after(storeKey(previous));
    while (users.length < limit) {
      const [found] = store.range(shard, from, end, { limit: 1 });
      if (found === undefined) return users;
      const name = Buffer.from(found[0]);
      const user = parseAddress(name.toString('utf8', 0, name.indexOf(0))) as UserId;
      users.push(user);
      from = after(storeKey(user));
    }
    return users;
  }

  #storeOf(user: UserId): ActorStore {
    const { store, shardOf, tenureOf } = this.#options;
    const shard = shardOf(user);
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

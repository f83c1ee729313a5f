/** What the router needs from the rest of its node. */
import type { Clock } from '../ops/clock.ts';
import type { ActorRequest, AnyActorReply } from '../protocol/actor-calls.ts';
import type { Outcome } from '../protocol/calls.ts';
import type { Push } from '../protocol/client-calls.ts';
import type { Address, NodeId, ShardId } from '../protocol/ids.ts';
import type { MeshPort } from './mesh-port.ts';
import type { ShardDirectory } from './shard-map.ts';

export type Done = (outcome: Outcome<AnyActorReply>) => void;

/** The actors of this node. */
export interface LocalActors {
  /** Hands a request to the actor at `address`; `epoch` is the one its writes carry. `done` is called exactly once. */
  deliver(address: Address, epoch: number, request: ActorRequest, done: Done | undefined): void;
}

/** The sessions of this node. */
export interface LocalSessions {
  /** Hands a push to a session; one that is gone is ignored. */
  push(session: number, push: Push): void;
}

/** Which shards are served here; `Ownership` is it. */
export interface ServedShards {
  servedEpoch(shard: ShardId): number | undefined;
  /** The first epoch since when the same actors serve the shard. */
  servedSince(shard: ShardId): number | undefined;
  refused(shard: ShardId, epoch: number): void;
  onChange(listener: (shard: ShardId) => void): void;
}

export interface RouterPorts {
  readonly self: NodeId;
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly ownership: ServedShards;
  readonly actors: LocalActors;
  readonly sessions: LocalSessions;
  /** Asks the coordinator for a newer view; calls while one is under way cost nothing. */
  readonly refresh: () => void;
  readonly clock: Clock;
}

/** Everything that was routed and how it ended; for metrics. */
export interface RouterCounters {
  asksLocal: number;
  asksRemote: number;
  tellsLocal: number;
  tellsRemote: number;
  pushesLocal: number;
  pushesRemote: number;
  /** Asks and tells of other nodes that were taken here. */
  arrived: number;
  /** Tries that met a node which does not serve the shard (any more). */
  moved: number;
  /** Tries again after the owner was not reached. */
  retried: number;
  /** Messages that waited for a shard on the move. */
  parked: number;
  /** Tells and pushes that were lost: the peer is down or its outbox full, or their wait ended. */
  lost: number;
  /** Asks that ended with E_UNREACHABLE or E_TIMEOUT. */
  unreachable: number;
  /** Messages of other nodes that could not be read. */
  malformed: number;
}

export function createRouterCounters(): RouterCounters {
  return {
    asksLocal: 0,
    asksRemote: 0,
    tellsLocal: 0,
    tellsRemote: 0,
    pushesLocal: 0,
    pushesRemote: 0,
    arrived: 0,
    moved: 0,
    retried: 0,
    parked: 0,
    lost: 0,
    unreachable: 0,
    malformed: 0,
  };
}

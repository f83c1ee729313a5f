/** A router with scripted actors and scripted ownership, on a fake network. */
import type { MetaStore } from '../../../../src/cluster/embedded-coordinator.ts';
import type { ShardAssignment } from '../../../../src/cluster/members.ts';
import { createRouter } from '../../../../src/cluster/router.ts';
import type { Router } from '../../../../src/cluster/router.ts';
import type { Done, ServedShards } from '../../../../src/cluster/router-ports.ts';
import { ShardDirectory } from '../../../../src/cluster/shard-map.ts';
import type { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import type { Push } from '../../../../src/protocol/client-calls.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { Address, NodeId, ShardId } from '../../../../src/protocol/ids.ts';
import type { ActorRequest } from '../../../../src/protocol/actor-calls.ts';

import type { FakeNetwork } from './fake-network.ts';

export function memoryMeta(): MetaStore {
  const records = new Map<string, Uint8Array>();
  return {
    getMeta: (name) => records.get(name),
    putMeta: async (name, value) => {
      records.set(name, value);
      await Promise.resolve();
    },
  };
}

export function owned(node: string, epoch: number): ShardAssignment {
  return { epoch, owner: parseNodeId(node), replicas: [parseNodeId(node)] };
}

export interface Delivery {
  readonly to: Address;
  readonly epoch: number;
  readonly request: ActorRequest;
  readonly done: Done | undefined;
}

export class FakeRouterNode implements ServedShards {
  readonly id: NodeId;
  readonly directory = new ShardDirectory(memoryMeta());
  readonly router: Router;
  readonly deliveries: Delivery[] = [];
  readonly pushes: Array<readonly [session: number, push: Push]> = [];
  readonly refusals: Array<readonly [shard: ShardId, epoch: number]> = [];
  refreshes = 0;
  /** What actors do; default: keep the delivery for the test to answer. */
  onDelivery: (delivery: Delivery) => void = () => undefined;
  onRefresh: () => void = () => undefined;
  readonly #served = new Map<ShardId, number>();
  readonly #listeners: Array<(shard: ShardId) => void> = [];

  constructor(name: string, network: FakeNetwork, clock: VirtualClock) {
    this.id = parseNodeId(name);
    this.router = createRouter({
      self: this.id,
      mesh: network.open(this.id),
      directory: this.directory,
      ownership: this,
      actors: {
        deliver: (to, epoch, request, done) => {
          const delivery = { to, epoch, request, done };
          this.deliveries.push(delivery);
          this.onDelivery(delivery);
        },
      },
      sessions: { push: (session, push) => this.pushes.push([session, push]) },
      refresh: () => {
        this.refreshes += 1;
        this.onRefresh();
      },
      clock,
    });
  }

  /** Adopts a map in which every shard is assigned like this. */
  learn(version: number, ...shards: readonly ShardAssignment[]): void {
    this.directory.adopt({ members: [], map: { version, shards } });
  }

  serve(shard: number, epoch: number | undefined): void {
    if (epoch === undefined) this.#served.delete(shard as ShardId);
    else this.#served.set(shard as ShardId, epoch);
    for (const listener of this.#listeners) listener(shard as ShardId);
  }

  servedEpoch(shard: ShardId): number | undefined {
    return this.#served.get(shard);
  }

  servedSince(shard: ShardId): number | undefined {
    return this.#served.get(shard);
  }

  refused(shard: ShardId, epoch: number): void {
    this.refusals.push([shard, epoch]);
  }

  onChange(listener: (shard: ShardId) => void): void {
    this.#listeners.push(listener);
  }
}

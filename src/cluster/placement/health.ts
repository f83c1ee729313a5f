/** How every member stands, from what the coordinator, the mesh, the members themselves and the operator say. */
import type { Clock } from '../../ops/clock.ts';
import type { NodeId } from '../../protocol/ids.ts';
import type { Coordinator } from '../coordinator.ts';
import type { Membership } from '../membership.ts';
import type { ShardDirectory } from '../shard-map.ts';
import type { Standing, Standings } from './standing.ts';

export interface HealthPorts {
  readonly self: NodeId;
  readonly directory: Pick<ShardDirectory, 'members'>;
  readonly membership: Pick<Membership, 'isUp'>;
  readonly coordinator: Pick<Coordinator, 'live'>;
  /** It said that it drains. */
  readonly isLeaving: (node: NodeId) => boolean;
  /** An operator said that it does not come back. */
  readonly isForgotten: (node: NodeId) => boolean;
  /** After how long the copies of a dead node are made anew. */
  readonly replaceAfterMs: number;
  readonly clock: Clock;
}

export class NodeHealth {
  readonly #ports: HealthPorts;
  readonly #deadSinceMs = new Map<NodeId, number>();

  constructor(ports: HealthPorts) {
    this.#ports = ports;
  }

  /** To be asked after every change: a node counts as dead from the first time that it is seen to be. */
  standings(): Standings {
    const members = this.#ports.directory.members.map(({ node }) => node);
    for (const node of this.#deadSinceMs.keys())
      if (!members.includes(node)) this.#deadSinceMs.delete(node);
    return new Map(members.map((node) => [node, this.#standingOf(node)]));
  }

  #standingOf(node: NodeId): Standing {
    const { self, membership, coordinator, isLeaving } = this.#ports;
    const isUp = node === self || membership.isUp(node);
    // Before the coordinator was heard nobody is dead.
    const isLive = coordinator.live()?.has(node) ?? isUp;
    if (!isUp && !isLive && coordinator.live() !== undefined) return this.#deadFor(node);
    this.#deadSinceMs.delete(node);
    // Heard by the coordinator only, or by us only: nobody is sure.
    if (!isUp || !isLive) return 'away';
    return isLeaving(node) ? 'leaving' : 'fit';
  }

  #deadFor(node: NodeId): Standing {
    const { clock, isForgotten, replaceAfterMs } = this.#ports;
    const nowMs = clock.mono();
    const sinceMs = this.#deadSinceMs.get(node) ?? nowMs;
    this.#deadSinceMs.set(node, sinceMs);
    if (isForgotten(node)) return 'forgotten';
    return nowMs - sinceMs >= replaceAfterMs ? 'lost' : 'dead';
  }
}

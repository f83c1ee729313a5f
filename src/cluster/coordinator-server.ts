/** Lets the other nodes reach the coordinator of this node, over the mesh service `coordinator`. */
import type { Clock, Timer } from '../ops/clock.ts';
import type { RequestOf } from '../protocol/calls.ts';
import { encode, encodeRaw } from '../protocol/codec.ts';
import { asFastChatError, assertNever } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { COORDINATOR_ANNOUNCE_DELAY_MS } from '../protocol/limits.ts';
import { coordinatorCalls, viewAnnounced } from './coordinator-frames.ts';
import type { EmbeddedCoordinator } from './embedded-coordinator.ts';
import { itemsOf } from './items.ts';
import type { Member } from './members.ts';
import type { MeshPort } from './mesh-port.ts';

type CoordinatorRequest = RequestOf<(typeof coordinatorCalls)['calls']>;

export interface CoordinatorServerPorts {
  readonly coordinator: EmbeddedCoordinator;
  readonly mesh: MeshPort;
  readonly clock: Clock;
}

class CoordinatorServer {
  readonly #ports: CoordinatorServerPorts;
  /** Bounded by the members: watchers that are none are dropped with every announcement. */
  readonly #watchers = new Set<NodeId>();
  readonly #subscription: { cancel(): void };
  #announcement: Timer | undefined;

  constructor(ports: CoordinatorServerPorts) {
    this.#ports = ports;
    const announce = (): void => this.#announceSoon();
    this.#subscription = ports.coordinator.watch(announce, announce);
    ports.mesh.serve('coordinator', {
      request: (from, payload, reply, fail) => {
        this.#answer(from, payload).then(reply, (cause: unknown) => fail(asFastChatError(cause)));
      },
    });
  }

  stop(): void {
    this.#subscription.cancel();
    this.#announcement?.cancel();
  }

  async #answer(from: NodeId, payload: Uint8Array): Promise<Uint8Array> {
    const request = coordinatorCalls.parseRequest(itemsOf(payload));
    return encodeRaw(await this.#carryOut(from, request));
  }

  async #carryOut(from: NodeId, request: CoordinatorRequest): Promise<unknown[]> {
    const { coordinator } = this.#ports;
    switch (request.type) {
      case 'join': {
        const view = await coordinator.join(ownMember(request.member));
        return coordinatorCalls.packReply('join', { view });
      }
      case 'leave':
        await coordinator.leave(request.node);
        return coordinatorCalls.packReply('leave', {});
      case 'view':
        return coordinatorCalls.packReply('view', { view: await coordinator.view() });
      case 'swap': {
        const { shard, expectedEpoch, next } = request;
        const outcome = await coordinator.swap(shard, expectedEpoch, next);
        return coordinatorCalls.packReply('swap', outcome);
      }
      case 'watch':
        this.#watchers.add(from);
        return coordinatorCalls.packReply('watch', {
          view: await coordinator.view(),
          live: [...coordinator.leases.live],
        });
      case 'renew':
        coordinator.leases.renew(from);
        return coordinatorCalls.packReply('renew', { live: [...coordinator.leases.live] });
      case 'endLease':
        coordinator.leases.end(from);
        return coordinatorCalls.packReply('endLease', {});
      case 'recognise': {
        const verdict = await coordinator.recognise(from, request.claim);
        return coordinatorCalls.packReply('recognise', verdict);
      }
      default:
        return assertNever(request);
    }
  }

  /** A rebalance swaps hundreds of shards in a row: watchers get a view per tick, not per swap. */
  #announceSoon(): void {
    this.#announcement ??= this.#ports.clock.after(COORDINATOR_ANNOUNCE_DELAY_MS, () => {
      this.#announcement = undefined;
      this.#announce();
    });
  }

  #announce(): void {
    const { present: view, leases } = this.#ports.coordinator;
    const payload = encode(viewAnnounced, { view, live: [...leases.live] });
    for (const watcher of this.#watchers) {
      // A lost tell is made good by the watcher's next poll.
      if (view.members.some(({ node }) => node === watcher))
        this.#ports.mesh.tell(watcher, 'coordinator', payload);
      else this.#watchers.delete(watcher);
    }
  }
}

/** Decoded bytes are views of the frame; what the coordinator keeps is its own. */
function ownMember(member: Member): Member {
  return { ...member, curveKey: Uint8Array.from(member.curveKey) };
}

/** Serves until stopped. Once per mesh. */
export function serveCoordinator(ports: CoordinatorServerPorts): { stop(): void } {
  return new CoordinatorServer(ports);
}

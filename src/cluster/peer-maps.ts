/**
 * The map by way of the peers. A node that does not reach the coordinator loses its lease, and its shards to others; from
 * then on it asks the members that it hears for the map, one after the other, so that its sessions are served by the new
 * owners. A peer's map is as good as its assignments: the epochs in it decide which is newer, whoever tells them.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId } from '../protocol/ids.ts';
import { PEER_MAP_ASK_MS } from '../protocol/limits.ts';
import { optional, struct, u53 } from '../protocol/schema.ts';
import type { Lease } from './coordinator.ts';
import { clusterView } from './members.ts';
import type { Membership } from './membership.ts';
import type { MeshPort } from './mesh-port.ts';
import type { ShardDirectory } from './shard-map.ts';

/** Which version the asker has. */
const mapRequest = struct({ version: u53 });
/** Undefined: nothing newer is known. */
const mapReply = struct({ view: optional(clusterView) });

export interface PeerMapsPorts {
  readonly self: NodeId;
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly membership: Pick<Membership, 'isUp'>;
  readonly lease: Pick<Lease, 'validUntilMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class PeerMaps {
  readonly #ports: PeerMapsPorts;
  #timer: Timer | undefined;
  /** How many were asked: the next question goes to the next peer. */
  #asked = 0;

  /** Serves the mesh service `map`. */
  constructor(ports: PeerMapsPorts) {
    const { mesh, directory } = ports;
    this.#ports = ports;
    mesh.serve('map', {
      request: (_, payload, reply) => {
        const { version } = decode(mapRequest, payload);
        const { view } = directory;
        reply(encode(mapReply, { view: view.map.version > version ? view : undefined }));
      },
    });
  }

  start(): void {
    this.#timer ??= every(this.#ports.clock, PEER_MAP_ASK_MS, () => void this.#ask());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { clock, lease, mesh, directory, log } = this.#ports;
    if (clock.mono() < lease.validUntilMs) return;
    const peer = this.#nextPeer();
    if (peer === undefined) return;
    const { version } = directory.view.map;
    try {
      const question = encode(mapRequest, { version });
      const answer = await mesh.requestAsync(peer, 'map', question, PEER_MAP_ASK_MS);
      // The directory keeps what it is given for longer than the frame lives.
      const { view } = decode(mapReply, Uint8Array.from(answer));
      if (view !== undefined && directory.adopt(view))
        log.event('info', 'map_from_peer', { peer, version: view.map.version });
    } catch {
      // The next peer is asked, or the same one again.
    }
  }

  #nextPeer(): NodeId | undefined {
    const { self, directory, membership } = this.#ports;
    const heard = directory.members
      .map(({ node }) => node)
      .filter((node) => node !== self && membership.isUp(node));
    this.#asked += 1;
    return heard[this.#asked % Math.max(1, heard.length)];
  }
}

/**
 * Deletes copies of shards that live elsewhere (I6): of a replica that was removed, or of one that never came to be. Only
 * after the map shows this node without the shard *and* the owner tells that it serves it, so has an acknowledged commit
 * of its epoch, and makes no copy here.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { REPLICA_SWEEP_MS } from '../protocol/limits.ts';
import type { ShardAssignment } from './members.ts';
import type { MeshPort } from './mesh-port.ts';
import { heldReply, replicaRequest } from './replication/frames.ts';
import type { Replica } from './replication/replica.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface SweeperPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly log: Log;
}

export class Sweeper {
  readonly #ports: SweeperPorts;
  #timer: Timer | undefined;
  #isSweeping = false;

  constructor(ports: SweeperPorts) {
    this.#ports = ports;
  }

  /** Looks at once and then every REPLICA_SWEEP_MS. */
  start(): void {
    this.#timer = every(this.#ports.clock, REPLICA_SWEEP_MS, () => void this.sweep());
    void this.sweep();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** One look at every shard in the store; never rejects. A look while another one lasts does nothing. */
  async sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      for (const shard of this.#ports.store.shards()) await this.#sweepShard(shard);
    } catch (cause) {
      this.#ports.log.event('error', 'part_failed', { part: 'sweeper', ...errorFields(cause) });
    } finally {
      this.#isSweeping = false;
    }
  }

  async #sweepShard(shard: ShardId): Promise<void> {
    const { directory, replica, log } = this.#ports;
    const assigned = directory.assignment(shard);
    if (assigned === undefined || this.#isNeeded(shard)) return;
    try {
      const isHeld = await this.#isHeld(shard, assigned);
      if (isHeld && !this.#isNeeded(shard) && (await replica.drop(shard)))
        log.event('debug', 'shard_released', { shard, owner: assigned.owner });
    } catch (cause) {
      // An owner that cannot be asked now is asked by the next sweep.
      log.event('debug', 'part_failed', { part: 'sweeper', shard, ...errorFields(cause) });
    }
  }

  #isNeeded(shard: ShardId): boolean {
    const { directory, replica, self } = this.#ports;
    const isReplica = directory.assignment(shard)?.replicas.includes(self) === true;
    return isReplica || replica.isTouched(shard);
  }

  async #isHeld(shard: ShardId, { owner, epoch }: ShardAssignment): Promise<boolean> {
    const asked = encode(replicaRequest, { type: 'held', shard, epoch });
    const payload = await this.#ports.mesh.requestAsync(owner, 'replica', asked);
    return decode(heldReply, payload).held;
  }
}

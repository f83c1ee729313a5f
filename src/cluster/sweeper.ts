/**
 * Deletes copies of shards that live elsewhere (I6): what is left of a hand-over by its owner, or of one that came to
 * nothing by its learner. Only after the map shows this node without the shard *and* the owner tells of an acknowledged
 * commit of its epoch.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { errorFields } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { ShardId } from '../protocol/ids.ts';
import { HANDOVER_SWEEP_MS } from '../protocol/limits.ts';
import { handoverRequest, heldReply } from './handover-frames.ts';
import type { Learner } from './learner.ts';
import type { ShardAssignment } from './members.ts';
import type { MeshPort } from './mesh-port.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface SweeperPorts {
  readonly store: ShardStore;
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly learner: Learner;
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

  /** Looks at once and then every HANDOVER_SWEEP_MS. */
  start(): void {
    this.#timer = every(this.#ports.clock, HANDOVER_SWEEP_MS, () => void this.sweep());
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
    const { directory, learner, log } = this.#ports;
    const assigned = directory.assignment(shard);
    if (assigned === undefined || learner.isNeeded(shard)) return;
    try {
      const isHeld = await this.#isHeld(shard, assigned);
      if (isHeld && (await learner.dropLeftOver(shard)))
        log.event('debug', 'shard_released', { shard, owner: assigned.owner });
    } catch (cause) {
      // An owner that cannot be asked now is asked by the next sweep.
      log.event('debug', 'part_failed', { part: 'sweeper', shard, ...errorFields(cause) });
    }
  }

  async #isHeld(shard: ShardId, { owner, epoch }: ShardAssignment): Promise<boolean> {
    const asked = encode(handoverRequest, { type: 'held', shard, epoch });
    const payload = await this.#ports.mesh.requestAsync(owner, 'handover', asked);
    return decode(heldReply, payload).held;
  }
}

/** Carries out this node's part of the plan that makes shards even, whenever nodes come, go or wake up. */
import type { Clock, Timer } from '../ops/clock.ts';
import type { NodeId } from '../protocol/ids.ts';
import { HANDOVER_SHARDS_MAX, REBALANCE_DELAY_MS } from '../protocol/limits.ts';
import { forEachBounded } from './for-each-bounded.ts';
import type { Handover } from './handover.ts';
import type { Learner } from './learner.ts';
import type { Membership } from './membership.ts';
import type { Ownership } from './ownership.ts';
import { planMoves } from './rebalance.ts';
import type { Move } from './rebalance.ts';
import type { ShardDirectory } from './shard-map.ts';
import type { Sweeper } from './sweeper.ts';

export interface RebalancerPorts {
  readonly self: NodeId;
  readonly directory: ShardDirectory;
  readonly membership: Membership;
  readonly ownership: Ownership;
  readonly handover: Handover;
  readonly learner: Learner;
  readonly sweeper: Sweeper;
  /** Nodes that announced that they are leaving get no shards. */
  readonly isLeaving: (node: NodeId) => boolean;
  readonly clock: Clock;
}

export class Rebalancer {
  readonly #ports: RebalancerPorts;
  #subscription: { cancel(): void } | undefined;
  #timer: Timer | undefined;
  #round: Promise<void> | undefined;
  #isDraining = false;
  #isStopped = false;

  constructor(ports: RebalancerPorts) {
    this.#ports = ports;
    ports.membership.onChange(() => this.#runLater());
  }

  start(): void {
    const { directory } = this.#ports;
    this.#subscription = directory.listen({ onShards: () => this.#runLater() });
    this.#runLater();
  }

  /** Starts no further hand-over; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#subscription?.cancel();
    this.#timer?.cancel();
    await this.#round;
  }

  /**
   * Hands over everything that others can take, and takes nothing back. Resolves with the number of shards left here,
   * which is 0 unless no other node is up. To be bounded by the caller's deadline.
   */
  async drain(): Promise<number> {
    const { directory, self, learner } = this.#ports;
    this.#isDraining = true;
    learner.leave();
    await this.#round;
    while (!this.#isStopped && this.#targets().length > 0 && directory.ownedBy(self).length > 0) {
      await this.#run();
      if (directory.ownedBy(self).length > 0) await this.#pause();
    }
    return directory.ownedBy(self).length;
  }

  /** Changes come in crowds: one look for all of them. */
  #runLater(): void {
    if (this.#isStopped || this.#subscription === undefined) return;
    this.#timer ??= this.#ports.clock.after(REBALANCE_DELAY_MS, () => {
      this.#timer = undefined;
      if (!this.#isDraining) void this.#run();
    });
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.clock.after(REBALANCE_DELAY_MS, resolve);
    });
  }

  #run(): Promise<void> {
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #runRound(): Promise<void> {
    const moves = this.#ownMoves();
    if (moves.length === 0) return;
    await forEachBounded(moves, HANDOVER_SHARDS_MAX, async ({ shard, to }) => {
      if (!this.#isStopped) await this.#ports.handover.move(shard, to);
    });
    // The copies of what has left are deleted as soon as the new owners answer; failed moves are planned again.
    await this.#ports.sweeper.sweep();
    this.#runLater();
  }

  #ownMoves(): readonly Move[] {
    const { directory, ownership, self } = this.#ports;
    const moves = planMoves({
      shards: directory.view.map.shards,
      targets: this.#targets(),
      leaving: this.#isDraining ? [self] : [],
    });
    return moves.filter(
      ({ shard, from }) => from === self && ownership.servedEpoch(shard) !== undefined,
    );
  }

  #targets(): readonly NodeId[] {
    const { directory, membership, isLeaving, self } = this.#ports;
    return directory.members
      .map(({ node }) => node)
      .filter((node) => (node === self ? !this.#isDraining : membership.isUp(node)))
      .filter((node) => node === self || !isLeaving(node));
  }
}

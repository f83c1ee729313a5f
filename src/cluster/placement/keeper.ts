/** Carries out this node's part of the placement plan, a bounded number of steps at a time, whenever something changes. */
import { every } from '../../ops/clock.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import {
  PLACEMENT_DELAY_MS,
  PLACEMENT_LOOK_MS,
  PLACEMENT_PLANNED_STEPS_MAX,
  PLACEMENT_RETRY_MS,
  PLACEMENT_STEPS_AT_ONCE,
} from '../../protocol/limits.ts';
import type { ReplicaSets } from '../replication/replica-sets.ts';
import type { ShardDirectory } from '../shard-map.ts';
import { planPlacement } from './plan.ts';
import type { PlacementStep } from './plan.ts';
import { wantedSets } from './replica-sets.ts';
import type { PlacementInput, Standings } from './standing.ts';

export interface KeeperPorts {
  readonly self: NodeId;
  readonly directory: ShardDirectory;
  readonly replicaSets: ReplicaSets;
  /** How the members stand now. */
  readonly standings: () => Standings;
  /** Copies that every shard should have. */
  readonly replicas: number;
  /** Something was done, and there is nothing more to do now. */
  readonly onRest?: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class PlacementKeeper {
  readonly #ports: KeeperPorts;
  /** Steps of the last plan that were not begun; undefined: to be planned anew. */
  #queue: PlacementStep[] | undefined;
  readonly #underWay = new Map<ShardId, Promise<void>>();
  /** When a shard whose step failed is tried again. */
  readonly #restUntilMs = new Map<ShardId, number>();
  #subscriptions: ReadonlyArray<{ cancel(): void }> = [];
  readonly #steps = { ok: 0, failed: 0 };
  #soon: Timer | undefined;
  #isDraining = false;

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { directory, clock } = this.#ports;
    this.#subscriptions = [
      directory.listen({ onShards: () => this.changed(), onMembers: () => this.changed() }),
      every(clock, PLACEMENT_LOOK_MS, () => this.changed()),
    ];
    this.changed();
  }

  /** Begins no further step; resolves when those under way have ended. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.cancel();
    this.#subscriptions = [];
    this.#soon?.cancel();
    this.#queue = [];
    await Promise.all(this.#underWay.values());
  }

  /** Something that the plan depends on is different. Changes come in crowds: one look for all of them. */
  changed(): void {
    if (this.#subscriptions.length === 0) return;
    this.#soon ??= this.#ports.clock.after(PLACEMENT_DELAY_MS, () => {
      this.#soon = undefined;
      this.#queue = undefined;
      this.#pump();
    });
  }

  /** An operator asks for it: what failed lately is tried again at once. */
  runNow(): void {
    this.#restUntilMs.clear();
    this.changed();
  }

  /** What every node would do now, the most urgent first. */
  plan(): readonly PlacementStep[] {
    return planPlacement(this.#input());
  }

  /** Steps since the start; one that failed is planned again. */
  get steps(): Readonly<Record<'ok' | 'failed', number>> {
    return this.#steps;
  }

  /** Shards that this node changes now. */
  get moving(): number {
    return this.#underWay.size;
  }

  /**
   * Gives away all ownership, and the copies that others cannot do without. Resolves with the number of shards that
   * are still owned here, which is 0 unless nobody else is fit. To be bounded by the caller's deadline.
   */
  async drain(): Promise<number> {
    const { clock } = this.#ports;
    this.#isDraining = true;
    this.runNow();
    while (this.#subscriptions.length > 0 && this.#isNeeded())
      await new Promise<void>((resolve) => {
        clock.after(PLACEMENT_DELAY_MS, resolve);
      });
    return this.#ports.directory.ownedBy(this.#ports.self).length;
  }

  /** Whether somebody can still take something from a node that drains. */
  #isNeeded(): boolean {
    const { self, directory } = this.#ports;
    const input = this.#input();
    if (![...input.standings.values()].includes('fit')) return false;
    const wanted = wantedSets(input);
    return directory.view.map.shards.some(
      ({ owner, replicas }, shard) =>
        owner === self || (replicas.includes(self) && wanted[shard]?.includes(self) === false),
    );
  }

  #input(): PlacementInput {
    const { self, directory, standings, replicas } = this.#ports;
    const present = new Map(standings());
    if (this.#isDraining) present.set(self, 'leaving');
    return { shards: directory.view.map.shards, replicas, standings: present };
  }

  #pump(): void {
    while (this.#subscriptions.length > 0 && this.#underWay.size < PLACEMENT_STEPS_AT_ONCE) {
      const step = this.#next();
      if (step === undefined) return;
      const work = this.#carryOut(step);
      this.#underWay.set(step.shard, work);
    }
  }

  /** A plan is used up to a bound, so that what became urgent meanwhile has not to wait for the end of it. */
  #next(): PlacementStep | undefined {
    this.#queue ??= this.#ownSteps().slice(0, PLACEMENT_PLANNED_STEPS_MAX);
    return this.#queue.shift();
  }

  #ownSteps(): PlacementStep[] {
    const { self, replicaSets, clock } = this.#ports;
    const nowMs = clock.mono();
    for (const [shard, untilMs] of this.#restUntilMs)
      if (untilMs <= nowMs) this.#restUntilMs.delete(shard);
    return this.plan().filter(
      ({ owner, shard }) =>
        owner === self &&
        !this.#restUntilMs.has(shard) &&
        !this.#underWay.has(shard) &&
        replicaSets.replication(shard).role === 'owner',
    );
  }

  async #carryOut(step: PlacementStep): Promise<void> {
    const { shard, kind, node, reason } = step;
    const { clock, log } = this.#ports;
    const isDone = await this.#act(step);
    this.#underWay.delete(shard);
    this.#steps[isDone ? 'ok' : 'failed'] += 1;
    log.event('debug', 'placement_step', { shard, kind, peer: node, reason, isDone });
    // The end of a plan is a reason to look for what comes next, unless nothing came of it.
    if (isDone && this.#queue?.length === 0) this.#queue = undefined;
    if (!isDone) {
      this.#restUntilMs.set(shard, clock.mono() + PLACEMENT_RETRY_MS);
      clock.after(PLACEMENT_RETRY_MS, () => this.changed());
    }
    this.#pump();
    if (isDone && this.#underWay.size === 0) this.#ports.onRest?.();
  }

  #act({ shard, kind, node }: PlacementStep): Promise<boolean> {
    const { replicaSets } = this.#ports;
    switch (kind) {
      case 'add':
        return replicaSets.addReplica(shard, node);
      case 'remove':
        return replicaSets.removeReplica(shard, node);
      case 'transfer':
        return replicaSets.transfer(shard, node);
    }
  }
}

/**
 * Brings a follower to where it can be fed: it tells what it has, rolls back what is not of this log (I4), and gets what
 * it lacks. What it lacks comes in one transaction if it fits one frame: half of it would show commits in part. Otherwise
 * in pages, and while they come the copy counts for nothing.
 *
 * | it has                                  | it gets                                                     |
 * | --------------------------------------- | ----------------------------------------------------------- |
 * | a prefix, and little is missing         | one install, then commits                                   |
 * | a prefix, and more than a frame missing | `beginCopy` on top of what it has, pages of the delta       |
 * | a tail of its own                       | `rollBack`, and is asked again                              |
 * | less than the journal reaches, a part   | `beginCopy` from nothing, pages of everything, then deltas  |
 */
import type { Clock } from '../../ops/clock.ts';
import { errorFields } from '../../ops/log.ts';
import type { Log } from '../../ops/log.ts';
import type { ShardHead, ShardStore } from '../../persist/shard-store.ts';
import { decode } from '../../protocol/codec.ts';
import type { NodeId } from '../../protocol/ids.ts';
import {
  COMMIT_WRITES_MAX,
  REPLICA_COPIES_MAX,
  REPLICA_DELTA_BYTES_MAX,
  REPLICA_RETRY_MS,
  REPLICA_SYNCS_MAX,
} from '../../protocol/limits.ts';
import { planCatchUp } from './catch-up-plan.ts';
import { ReplicaCopier } from './copier.ts';
import type { Feeds } from './feeds.ts';
import { doneReply, sizeOf, statusReply } from './frames.ts';
import type { RequestOfType } from './frames.ts';
import type { Pursuit } from './pursuit.ts';
import { Slots } from './slots.ts';

export interface CatchUpPorts {
  readonly store: ShardStore;
  readonly feeds: Feeds;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CatchUpCounters {
  /** Copies made in pages. */
  copies: number;
  rollBacks: number;
}

export class CatchUp {
  readonly counters: CatchUpCounters = { copies: 0, rollBacks: 0 };
  readonly #ports: CatchUpPorts;
  readonly #copier: ReplicaCopier;
  readonly #syncs = new Slots(REPLICA_SYNCS_MAX);
  readonly #copies = new Slots(REPLICA_COPIES_MAX);
  /** Those that did not answer, by node: tried again when it is heard, or after a while. */
  readonly #silent = new Map<NodeId, Set<Pursuit>>();
  /** Numbers every round, so that no answer counts for another one. */
  #rounds = 0;
  #isStopped = false;

  constructor(ports: CatchUpPorts) {
    this.#ports = ports;
    this.#copier = new ReplicaCopier(ports);
  }

  /** Goes on until the follower is fed, its tenure ends or it is followed no more. Never rejects. */
  begin(pursuit: Pursuit): void {
    void this.#pursue(pursuit);
  }

  /** A node is heard again: no need to wait for the next try. */
  wake(node: NodeId): void {
    const waiting = this.#silent.get(node);
    this.#silent.delete(node);
    for (const pursuit of waiting ?? []) this.begin(pursuit);
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#silent.clear();
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { tenure, follower } = pursuit;
    while (this.#isWanted(pursuit)) {
      this.#rounds += 1;
      follower.beginRound(this.#rounds);
      tenure.tellWatchers();
      try {
        await this.#bring(pursuit);
      } catch (cause) {
        return this.#retryLater(pursuit, cause);
      }
      if (!follower.isFed || !follower.endRound()) continue;
      tenure.tellWatchers();
      return;
    }
  }

  #isWanted({ tenure, follower }: Pursuit): boolean {
    const isFollowed = tenure.followers.get(follower.node) === follower;
    return !this.#isStopped && !tenure.hasEnded && isFollowed;
  }

  #retryLater(pursuit: Pursuit, cause: unknown): void {
    const { tenure, follower } = pursuit;
    const { node } = follower;
    const { shard } = tenure;
    this.#ports.log.event('debug', 'replica_lost', { shard, peer: node, ...errorFields(cause) });
    follower.lose();
    tenure.tellWatchers();
    if (!this.#isWanted(pursuit)) return;
    const waiting = this.#silent.get(node) ?? new Set();
    this.#silent.set(node, waiting.add(pursuit));
    this.#ports.clock.after(REPLICA_RETRY_MS, () => {
      if (this.#silent.get(node)?.delete(pursuit) === true) this.begin(pursuit);
    });
  }

  /** One round: ends with the follower fed, or with a reason to ask it again. @throws when it does not answer */
  async #bring(pursuit: Pursuit): Promise<void> {
    const { store } = this.#ports;
    const { tenure, follower } = pursuit;
    const { shard } = tenure;
    const status = await this.#syncs.run(() => this.#askStatus(pursuit));
    if (status === undefined || !this.#isWanted(pursuit)) return;
    if (follower.mustCopy) {
      follower.mustCopy = false;
      return this.#copy(pursuit, undefined);
    }
    const epochAt = (seq: number): number | undefined => store.epochAt(shard, seq);
    const plan = planCatchUp({ head: store.head(shard), epochAt }, status);
    if (plan.type === 'follow') {
      tenure.resetFlushed(follower.node, plan.from.seq);
      return this.#follow(pursuit, plan.from);
    }
    tenure.resetFlushed(follower.node, 0);
    if (plan.type === 'rollBack' && (await this.#rollBack(pursuit, plan))) return;
    await this.#copy(pursuit, undefined);
  }

  async #askStatus({
    tenure,
    follower,
  }: Pursuit): Promise<ReturnType<typeof statusReply.parse> | undefined> {
    const { shard, epoch } = tenure;
    const payload = await this.#ports.feeds.ask(follower.node, { type: 'status', shard, epoch });
    const status = decode(statusReply, payload);
    if (status.promised <= epoch) return status;
    tenure.fenced(status.promised);
    return undefined;
  }

  async #rollBack(
    pursuit: Pursuit,
    { from, to }: { readonly from: ShardHead; readonly to: number },
  ): Promise<boolean> {
    this.counters.rollBacks += 1;
    const { shard, epoch } = pursuit.tenure;
    return this.#isDone(pursuit, { type: 'rollBack', shard, epoch, from, to });
  }

  /** From the turn in which the delta is read on, commits are sent as they are made: they follow it on the same link. */
  async #follow(pursuit: Pursuit, from: ShardHead): Promise<void> {
    const { store } = this.#ports;
    const { tenure, follower } = pursuit;
    const { shard, epoch } = tenure;
    const delta = store.since(shard, from.seq);
    if (delta === undefined) return this.#copy(pursuit, undefined);
    const isOneFrame =
      delta.writes.length <= COMMIT_WRITES_MAX && sizeOf(delta.writes) <= REPLICA_DELTA_BYTES_MAX;
    if (!isOneFrame) return this.#copy(pursuit, from);
    const { head, writes } = delta;
    if (head.seq === from.seq) {
      follower.feed();
      return tenure.noteFlushed(follower.node, head.seq);
    }
    const installed = this.#isDone(pursuit, { type: 'install', shard, epoch, from, head, writes });
    follower.feed();
    if (await installed) tenure.noteFlushed(follower.node, head.seq);
    else follower.starve();
  }

  async #copy(pursuit: Pursuit, from: ShardHead | undefined): Promise<void> {
    const { tenure, follower } = pursuit;
    this.counters.copies += 1;
    tenure.resetFlushed(follower.node, 0);
    await this.#copies.run(async () => {
      if (this.#isWanted(pursuit)) await this.#copier.copy(pursuit, from);
    });
  }

  async #isDone(
    { tenure, follower }: Pursuit,
    request: RequestOfType<'rollBack' | 'install'>,
  ): Promise<boolean> {
    const payload = await this.#ports.feeds.ask(follower.node, request);
    const { done, promised } = decode(doneReply, payload);
    if (promised > tenure.epoch) tenure.fenced(promised);
    return done;
  }
}

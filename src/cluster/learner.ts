/**
 * Receives copies of shards. At most one message per shard is handled at a time, and never beside the deletion of a
 * left-over copy, so a copy is whole or known to be partial. Copies under way are remembered in memory only: after a
 * restart every copy that the map does not give to this node is a left-over.
 */
import type { Clock } from '../ops/clock.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { assertNever, FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { HANDOVER_COPY_IDLE_MS } from '../protocol/limits.ts';
import type { LearnerRequest } from './handover-frames.ts';
import { stepLearner } from './learner-state.ts';
import type { Copy, LearnerEffect } from './learner-state.ts';
import type { Ownership } from './ownership.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface LearnerPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly directory: ShardDirectory;
  readonly ownership: Ownership;
  readonly clock: Clock;
}

interface CopyUnderWay {
  readonly copy: Copy;
  readonly touchedMs: number;
}

export class Learner {
  readonly #ports: LearnerPorts;
  readonly #copies = new Map<ShardId, CopyUnderWay>();
  /** The end of the last work on a shard. */
  readonly #work = new Map<ShardId, Promise<void>>();
  #isLeaving = false;

  constructor(ports: LearnerPorts) {
    this.#ports = ports;
  }

  /** Carries out one message of an owner; resolves when flushed. @throws E_MOVED when it is not for the copy under way */
  handle(from: NodeId, request: LearnerRequest): Promise<void> {
    if (this.#isLeaving && request.type === 'begin')
      return Promise.reject(new FastChatError('E_UNREACHABLE', 'this node is leaving'));
    return this.#exclusively(request.shard, async () => {
      const { copy, effect } = stepLearner(
        this.#copies.get(request.shard)?.copy,
        from,
        request,
        this.#facts(request.shard),
      );
      await this.#run(effect, request);
      if (copy !== undefined)
        this.#copies.set(request.shard, { copy, touchedMs: this.#ports.clock.mono() });
    });
  }

  /** From now on no new copy is begun: this node drains. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Deletes a copy that nothing here needs; false when it turns out to be needed. */
  async dropLeftOver(shard: ShardId): Promise<boolean> {
    let isDropped = false;
    await this.#exclusively(shard, async () => {
      if (this.isNeeded(shard)) return;
      await this.#ports.store.drop(shard);
      isDropped = true;
    });
    return isDropped;
  }

  /** True while the shard belongs here or a copy of it is under way. */
  isNeeded(shard: ShardId): boolean {
    const copy = this.#copies.get(shard);
    const idleMs = copy === undefined ? Infinity : this.#ports.clock.mono() - copy.touchedMs;
    if (idleMs > HANDOVER_COPY_IDLE_MS) this.#copies.delete(shard);
    return this.#isMine(shard) || this.#copies.has(shard);
  }

  #facts(shard: ShardId): Parameters<typeof stepLearner>[3] {
    const { store } = this.#ports;
    const isMine = this.#isMine(shard);
    return { isMine, promised: store.promised(shard), head: store.head(shard) };
  }

  #isMine(shard: ShardId): boolean {
    const { directory, ownership, self } = this.#ports;
    const isAssigned = directory.assignment(shard)?.replicas.includes(self) ?? false;
    return isAssigned || ownership.isHere(shard);
  }

  async #run(effect: LearnerEffect, request: LearnerRequest): Promise<void> {
    const { store } = this.#ports;
    switch (effect) {
      case 'restart':
        this.#copies.delete(request.shard);
        return await store.drop(request.shard);
      case 'install':
        if (request.type === 'install')
          await store.install(request.shard, request.head, request.writes);
        return;
      case 'promise':
        if (request.type === 'finish') await store.fence(request.shard, request.epoch);
        return;
      case 'refuse':
        throw new FastChatError('E_MOVED', `shard ${request.shard} is not learned here like that`);
      default:
        return assertNever(effect);
    }
  }

  #exclusively(shard: ShardId, work: () => Promise<void>): Promise<void> {
    const before = this.#work.get(shard) ?? Promise.resolve();
    const done = before.then(work);
    const quiet = done.then(
      () => undefined,
      () => undefined,
    );
    this.#work.set(shard, quiet);
    void quiet.then(() => {
      if (this.#work.get(shard) === quiet) this.#work.delete(shard);
    });
    return done;
  }
}

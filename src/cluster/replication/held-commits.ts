/** Commits that wait while the replica set of their shard changes; bounded in number and in time. */
import { FastChatError } from '../../protocol/errors.ts';
import type { ShardId } from '../../protocol/ids.ts';
import { COMMITS_HELD_MAX } from '../../protocol/limits.ts';
import type { Write } from '../../persist/shard-store.ts';
import type { CommitWaiter } from './open-commits.ts';

interface HeldCommit {
  readonly writes: readonly Write[];
  readonly waiter: CommitWaiter;
}

export class HeldCommits {
  readonly #shard: ShardId;
  readonly #sinceTick: number;
  #held: HeldCommit[] = [];

  constructor(shard: ShardId, sinceTick: number) {
    this.#shard = shard;
    this.#sinceTick = sinceTick;
  }

  get size(): number {
    return this.#held.length;
  }

  /** Refused past COMMITS_HELD_MAX: nothing of it was done. */
  add(writes: readonly Write[], waiter: CommitWaiter): void {
    if (this.#held.length >= COMMITS_HELD_MAX) waiter.reject(tooFew(this.#shard));
    else this.#held.push({ writes, waiter });
  }

  /** In the order they came. */
  take(): readonly HeldCommit[] {
    return this.#held.splice(0);
  }

  rejectAll(error: FastChatError): void {
    for (const { waiter } of this.#held.splice(0)) waiter.reject(error);
  }

  /** Refuses those of a change that began in or before `tick`. */
  expire(tick: number): void {
    if (this.#sinceTick <= tick) this.rejectAll(tooFew(this.#shard));
  }
}

/** Too few replicas have what a commit needs. */
export function tooFew(shard: ShardId): FastChatError {
  return new FastChatError('E_UNREACHABLE', `too few replicas of shard ${shard} answer`);
}

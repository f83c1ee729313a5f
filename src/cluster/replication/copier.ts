/** Makes a copy of a shard at a follower in pages, while the shard is served and its keys change. */
import type { Delta, ShardHead, ShardStore, Write } from '../../persist/shard-store.ts';
import { decode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import {
  REPLICA_DELTA_BYTES_MAX,
  REPLICA_DELTA_ROUNDS_MAX,
  STORE_RANGE_MAX,
} from '../../protocol/limits.ts';
import type { Feeds } from './feeds.ts';
import { doneReply, paginate, sizeOf } from './frames.ts';
import type { RequestOfType } from './frames.ts';
import type { Pursuit } from './pursuit.ts';

export interface CopierPorts {
  readonly store: ShardStore;
  readonly feeds: Feeds;
}

/** One try to make one copy. */
interface Job extends Pursuit {
  /** Tells its pages from those of every other try of this life. */
  readonly attempt: number;
  /** In which it was begun: a change of the set begins another try. */
  readonly epoch: number;
}

export class ReplicaCopier {
  readonly #ports: CopierPorts;
  #attempts = 0;

  constructor(ports: CopierPorts) {
    this.#ports = ports;
  }

  /**
   * From nothing, or on top of what the follower has up to `from`; it is fed from the turn in which the last delta is
   * read. @throws when the follower does not take it
   */
  async copy(pursuit: Pursuit, from: ShardHead | undefined): Promise<void> {
    const { tenure, follower } = pursuit;
    this.#attempts += 1;
    const job: Job = { ...pursuit, attempt: this.#attempts, epoch: tenure.epoch };
    const { shard } = tenure;
    const { epoch, attempt } = job;
    const head = this.#ports.store.head(shard);
    const floor = { epoch, seq: tenure.acknowledged };
    // The journal stays from here on: what changes while pages are read comes as deltas.
    follower.keptAfter = from?.seq ?? head.seq;
    try {
      if (head.epoch !== epoch)
        throw new FastChatError('E_MOVED', `the log of shard ${shard} is not of epoch ${epoch}`);
      // The follower forgets what it acknowledged: first that is on the disk here, with the marker of the epoch.
      await this.#ports.store.flushed();
      await this.#ask(job, { type: 'beginCopy', shard, epoch, attempt, from, floor });
      if (from === undefined) await this.#sendPages(job);
      await this.#sendDeltas(job);
    } finally {
      follower.keptAfter = undefined;
    }
  }

  /** A delta after every page, so that the journal has to reach back no further than one page takes. */
  async #sendPages(job: Job): Promise<void> {
    const { store } = this.#ports;
    let from: Uint8Array | undefined;
    do {
      const page = store.snapshotPage(job.tenure.shard, from, STORE_RANGE_MAX);
      await this.#sendAll(job, page.writes, undefined);
      await this.#sendDelta(job);
      from = page.next;
    } while (from !== undefined);
  }

  async #sendDeltas(job: Job): Promise<void> {
    for (let round = 0; round < REPLICA_DELTA_ROUNDS_MAX; round += 1) {
      const delta = this.#delta(job);
      if (sizeOf(delta.writes) <= REPLICA_DELTA_BYTES_MAX) break;
      await this.#sendDelta(job);
    }
    const { head, writes } = this.#delta(job);
    const sent = this.#sendAll(job, writes, head);
    job.follower.feed();
    await sent;
    job.tenure.noteFlushed(job.follower.node, head.seq);
  }

  async #sendDelta(job: Job): Promise<void> {
    const { head, writes } = this.#delta(job);
    if (writes.length > 0) await this.#sendAll(job, writes, undefined);
    job.follower.keptAfter = head.seq;
  }

  #delta({ tenure, follower }: Job): Delta {
    const delta = this.#ports.store.since(tenure.shard, follower.keptAfter ?? 0);
    if (delta === undefined)
      throw new FastChatError(
        'E_IO',
        `the journal of shard ${tenure.shard} is too short to follow`,
      );
    return delta;
  }

  /** All pages at once, in order; with `head` the last one makes the copy whole. */
  async #sendAll(job: Job, writes: readonly Write[], head: ShardHead | undefined): Promise<void> {
    const { shard } = job.tenure;
    const { epoch, attempt } = job;
    const pages = paginate(writes);
    await Promise.all(
      pages.map((page, index) => {
        const isLast = index === pages.length - 1;
        const whole = isLast ? head : undefined;
        return this.#ask(job, { type: 'page', shard, epoch, attempt, head: whole, writes: page });
      }),
    );
  }

  async #ask(
    { tenure, follower, epoch }: Job,
    request: RequestOfType<'beginCopy' | 'page'>,
  ): Promise<void> {
    const { node } = follower;
    const { done, promised } = decode(doneReply, await this.#ports.feeds.ask(node, request));
    if (promised > tenure.epoch) tenure.fenced(promised);
    if (!done) throw new FastChatError('E_MOVED', `node ${node} takes no copy in epoch ${epoch}`);
  }
}

/**
 * Compares the replicas of the shards that this node owns, in case a disk or a mistake of ours has changed one. A replica
 * that differs twice at the same commit is copied anew. A shard that is written to meanwhile is compared another time.
 */
import { every } from '../../ops/clock.ts';
import type { Clock, Timer } from '../../ops/clock.ts';
import { errorFields } from '../../ops/log.ts';
import type { Log } from '../../ops/log.ts';
import type { ShardStore } from '../../persist/shard-store.ts';
import { decode } from '../../protocol/codec.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { ANTI_ENTROPY_MS, DIGEST_TIMEOUT_MS } from '../../protocol/limits.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { digestOf } from './digest.ts';
import type { Feeds } from './feeds.ts';
import { digestReply } from './frames.ts';
import type { Tenure } from './tenure.ts';

export interface AntiEntropyPorts {
  readonly store: ShardStore;
  readonly feeds: Feeds;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the shards that this node owns. */
  readonly tenures: () => readonly Tenure[];
}

export interface AntiEntropyCounters {
  /** Replicas compared. */
  compared: number;
  /** Replicas that differed, and are copied anew. */
  repairs: number;
}

type Comparison = 'same' | 'different' | 'unknown';

export class AntiEntropy {
  readonly counters: AntiEntropyCounters = { compared: 0, repairs: 0 };
  readonly #ports: AntiEntropyPorts;
  readonly #timer: Timer;
  #isComparing = false;
  #isStopped = false;

  constructor(ports: AntiEntropyPorts) {
    this.#ports = ports;
    this.#timer = every(ports.clock, ANTI_ENTROPY_MS, () => void this.compareAll());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.cancel();
  }

  /** One round over all shards, one after the other; while one lasts, another does nothing. Never rejects. */
  async compareAll(): Promise<void> {
    if (this.#isComparing) return;
    this.#isComparing = true;
    try {
      for (const tenure of this.#ports.tenures())
        for (const node of tenure.followers.keys()) await this.#check(tenure, node);
    } catch (cause) {
      this.#ports.log.event('warn', 'part_failed', { part: 'anti-entropy', ...errorFields(cause) });
    } finally {
      this.#isComparing = false;
    }
  }

  async #check(tenure: Tenure, node: NodeId): Promise<void> {
    if ((await this.#compare(tenure, node)) !== 'different') return;
    if ((await this.#compare(tenure, node)) !== 'different') return;
    this.counters.repairs += 1;
    this.#ports.log.event('error', 'replica_differs', { shard: tenure.shard, peer: node });
    tenure.doubt(node, true);
  }

  async #compare(tenure: Tenure, node: NodeId): Promise<Comparison> {
    const { store, feeds } = this.#ports;
    const { shard, epoch } = tenure;
    const head = store.head(shard);
    const isQuiet = tenure.acknowledged === head.seq && tenure.flushedAt(node) === head.seq;
    if (this.#isStopped || tenure.hasEnded || !isQuiet) return 'unknown';
    const asked = feeds.ask(node, { type: 'digest', shard, epoch, head }, DIGEST_TIMEOUT_MS);
    const [own, other] = await Promise.all([digestOf(this.#ports, shard, head), answerOf(asked)]);
    if (own === undefined || other === undefined) return 'unknown';
    this.counters.compared += 1;
    return sameBytes(own, other) ? 'same' : 'different';
  }
}

/** Undefined also when the replica does not answer. */
async function answerOf(asked: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return decode(digestReply, await asked).digest;
  } catch {
    return undefined;
  }
}

/** The feeds of a node to all others, and the end of each turn: one request per replica node, one wait for the own disk. */
import type { Clock } from '../../ops/clock.ts';
import type { ShardStore } from '../../persist/shard-store.ts';
import { encode } from '../../protocol/codec.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { REPLICA_ANSWER_TIMEOUT_MS } from '../../protocol/limits.ts';
import type { MeshPort } from '../mesh-port.ts';
import { Feed } from './feed.ts';
import type { FedShard } from './feed.ts';
import { AppendEncoder, replicaRequest } from './frames.ts';
import type { ReplicaRequest } from './frames.ts';

export interface FeedsPorts {
  readonly mesh: MeshPort;
  readonly store: ShardStore;
  readonly clock: Clock;
}

export class Feeds {
  readonly #ports: FeedsPorts;
  readonly #feeds = new Map<NodeId, Feed>();
  /** Shards written in this turn, and up to which commit. */
  #written = new Map<FedShard, number>();

  constructor(ports: FeedsPorts) {
    this.#ports = ports;
  }

  to(node: NodeId): Feed {
    let feed = this.#feeds.get(node);
    if (feed === undefined) this.#feeds.set(node, (feed = new Feed(node, this.#ports.mesh)));
    return feed;
  }

  /** Commit `seq` was made here in this turn: its shard hears when it is flushed. */
  wrote(fed: FedShard, seq: number): void {
    if (this.#written.size === 0) this.#ports.clock.soon(() => this.#endTurn());
    this.#written.set(fed, seq);
  }

  /** Asks a replica, after everything that was added for it: requests arrive in the order of what they are about. */
  ask(
    node: NodeId,
    request: ReplicaRequest,
    timeoutMs: number = REPLICA_ANSWER_TIMEOUT_MS,
  ): Promise<Uint8Array> {
    this.to(node).flush();
    const payload = encode(replicaRequest, request);
    return this.#ports.mesh.requestAsync(node, 'replica', payload, timeoutMs);
  }

  #endTurn(): void {
    const written = this.#written;
    this.#written = new Map();
    const encoder = new AppendEncoder();
    for (const feed of this.#feeds.values()) feed.flush(encoder);
    this.#ports.store.flushed().then(
      () => {
        for (const [fed, seq] of written) fed.onFlushedHere(seq);
      },
      // A failed store ends the process; nothing more is acknowledged until then.
      () => undefined,
    );
  }
}

/**
 * What this node sends to one replica node, of all shards that it owns: the commits of one turn of the event loop in one
 * request, several requests at a time. Bounded in bytes; a replica that is further behind has to catch up.
 */
import { decode } from '../../protocol/codec.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import {
  REPLICA_ANSWER_TIMEOUT_MS,
  REPLICA_BATCH_BYTES,
  REPLICA_BATCH_COMMITS_MAX,
  REPLICA_WINDOW_BYTES,
} from '../../protocol/limits.ts';
import type { MeshPort } from '../mesh-port.ts';
import { AppendEncoder, appendReply } from './frames.ts';
import type { PackedCommit } from './frames.ts';

/** The shard that commits are sent for; `Tenure` is it. */
export interface FedShard {
  readonly shard: ShardId;
  /** This node has flushed everything up to `seq`. */
  onFlushedHere(seq: number): void;
  /** The replica has flushed everything up to `seq`. */
  onFlushed(node: NodeId, round: number, seq: number): void;
  /** It has not taken what was sent: it lacks something, or has promised a later epoch. */
  onRefused(node: NodeId, round: number, promised: number): void;
  /** It did not answer. */
  onLost(node: NodeId, round: number): void;
}

/** Up to where one request takes one shard. */
interface Part {
  readonly fed: FedShard;
  readonly round: number;
  seq: number;
}

export class Feed {
  readonly #node: NodeId;
  readonly #mesh: MeshPort;
  #commits: PackedCommit[] = [];
  #parts = new Map<FedShard, Part>();
  #bytes = 0;
  /** Sent and not answered. */
  #bytesUnderWay = 0;

  constructor(node: NodeId, mesh: MeshPort) {
    this.#node = node;
    this.#mesh = mesh;
  }

  /** Adds a commit to the request of this turn; false when the window is full. */
  // oxlint-disable-next-line max-params -- the hot path: no object per commit
  add(fed: FedShard, round: number, seq: number, commit: PackedCommit, bytes: number): boolean {
    if (this.#bytesUnderWay + this.#bytes + bytes > REPLICA_WINDOW_BYTES) return false;
    const isFull =
      this.#bytes + bytes > REPLICA_BATCH_BYTES ||
      this.#commits.length >= REPLICA_BATCH_COMMITS_MAX;
    if (isFull) this.flush();
    const part = this.#parts.get(fed);
    // A shard that began a new round in this turn has nothing to hope from what it queued before.
    if (part === undefined || part.round !== round) this.#parts.set(fed, { fed, round, seq });
    else part.seq = seq;
    this.#commits.push(commit);
    this.#bytes += bytes;
    return true;
  }

  /** Sends what was added; `encoder` serves all feeds of a turn. */
  flush(encoder = new AppendEncoder()): void {
    if (this.#commits.length === 0) return;
    const parts = this.#parts;
    const bytes = this.#bytes;
    const payload = encoder.encode(this.#commits);
    this.#commits = [];
    this.#parts = new Map();
    this.#bytes = 0;
    this.#bytesUnderWay += bytes;
    this.#mesh.request(
      this.#node,
      'replica',
      payload,
      (result) => {
        this.#bytesUnderWay -= bytes;
        if (!result.ok) return this.#lose(parts);
        this.#settle(parts, result.payload);
      },
      REPLICA_ANSWER_TIMEOUT_MS,
    );
  }

  #lose(parts: ReadonlyMap<FedShard, Part>): void {
    for (const { fed, round } of parts.values()) fed.onLost(this.#node, round);
  }

  #settle(parts: ReadonlyMap<FedShard, Part>, payload: Uint8Array): void {
    const promised = readRefusals(payload);
    if (promised === undefined) return this.#lose(parts);
    for (const { fed, round, seq } of parts.values()) {
      const refusal = promised.get(fed.shard);
      if (refusal === undefined) fed.onFlushed(this.#node, round, seq);
      else fed.onRefused(this.#node, round, refusal);
    }
  }
}

/** Shards that were refused and what is promised for them; undefined for an answer that is none. */
function readRefusals(payload: Uint8Array): ReadonlyMap<ShardId, number> | undefined {
  try {
    const { refused } = decode(appendReply, payload);
    return new Map(refused.map(({ shard, promised }) => [shard, promised]));
  } catch {
    return undefined;
  }
}

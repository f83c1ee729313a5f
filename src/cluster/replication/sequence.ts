/**
 * What an owner knows of one shard's log: how far each replica has flushed it, and so what is acknowledged (I2). Pure: no
 * clock, no store, no mesh.
 *
 * Nothing is acknowledged before the epoch's marker (`gate`) is: a commit of an older epoch that W replicas have could
 * still lose to another log whose last commit is of an epoch in between. The marker ends that.
 */
import type { NodeId } from '../../protocol/ids.ts';
import { majorityOf, reachedBy } from './quorum.ts';

export class Sequence {
  readonly #self: NodeId;
  /** By node, members or not: the newest commit that it has flushed, as a prefix of the log here. */
  readonly #flushed = new Map<NodeId, number>();
  readonly #quorumOf: (replicas: number) => number;
  #replicas: readonly NodeId[];
  #gate: number;
  #acknowledged = 0;

  /** `gate`: the number that the marker of the first epoch will get. `quorumOf` is replaced to plant a bug. */
  constructor(
    self: NodeId,
    replicas: readonly NodeId[],
    gate: number,
    quorumOf: (replicas: number) => number = majorityOf,
  ) {
    this.#self = self;
    this.#replicas = replicas;
    this.#gate = gate;
    this.#quorumOf = quorumOf;
  }

  get replicas(): readonly NodeId[] {
    return this.#replicas;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  flushedAt(node: NodeId): number {
    return this.#flushed.get(node) ?? 0;
  }

  /** `node` has flushed everything up to `seq`; true when that acknowledges anything. */
  noteFlushed(node: NodeId, seq: number): boolean {
    if (seq > this.flushedAt(node)) this.#flushed.set(node, seq);
    return this.#acknowledge();
  }

  /** What `node` has is known anew, and may be less than it was: it was asked, or its copy counts for nothing now. */
  resetFlushed(node: NodeId, seq: number): void {
    this.#flushed.set(node, seq);
  }

  /** Another set of replicas from the marker `gate` on. What was acknowledged stays so. */
  reconfigure(replicas: readonly NodeId[], gate: number): void {
    this.#replicas = replicas;
    this.#gate = gate;
    for (const node of this.#flushed.keys())
      if (node !== this.#self && !replicas.includes(node)) this.#flushed.delete(node);
  }

  /** Whether as many of `replicas` as acknowledge a commit have flushed everything up to `seq`. */
  isCovered(replicas: readonly NodeId[], seq: number): boolean {
    return this.#reachedBy(replicas) >= seq;
  }

  /** The commit that every replica has flushed: nobody needs the journal before it. */
  get floor(): number {
    return Math.min(...this.#replicas.map((node) => this.flushedAt(node)));
  }

  #acknowledge(): boolean {
    const reached = this.#reachedBy(this.#replicas);
    if (reached < this.#gate || reached <= this.#acknowledged) return false;
    this.#acknowledged = reached;
    return true;
  }

  #reachedBy(replicas: readonly NodeId[]): number {
    const flushed = replicas.map((node) => this.flushedAt(node));
    return reachedBy(flushed, this.#quorumOf(replicas.length));
  }
}

/**
 * An unbroken run of epochs of one shard under one life of one owner: the fenced sequencer. Actors bind to it, and their
 * writes carry whatever epoch it has by then; a change of the replica set does not restart them.
 *
 * A commit is made here and sent to every replica in the same turn; it resolves when the acknowledged head reaches it (I2).
 * With no other replica it is what it is in the store: one transaction, one flush.
 */
import type { ShardStore, Write } from '../../persist/shard-store.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import type { FastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { COMMIT_TICKS_MAX } from '../../protocol/limits.ts';
import type { FedShard } from './feed.ts';
import type { Feeds } from './feeds.ts';
import { Follower } from './follower.ts';
import { packCommit, sizeOf } from './frames.ts';
import { HeldCommits, tooFew } from './held-commits.ts';
import { OpenCommits } from './open-commits.ts';
import type { CommitWaiter } from './open-commits.ts';
import type { PlantedBugs } from './planted-bugs.ts';
import { Sequence } from './sequence.ts';

export interface TenurePorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly feeds: Feeds;
  readonly bugs: PlantedBugs;
  /** Brings a follower to where it can be fed; tries until the tenure ends. */
  readonly catchUp: (tenure: Tenure, follower: Follower) => void;
  /** A replica has promised a later epoch: somebody else may own the shard. */
  readonly onFenced: (tenure: Tenure, promised: number) => void;
}

export class Tenure implements FedShard {
  readonly shard: ShardId;
  /** Its first epoch. */
  readonly since: number;
  readonly #ports: TenurePorts;
  readonly #sequence: Sequence;
  readonly #followers = new Map<NodeId, Follower>();
  readonly #open = new OpenCommits();
  readonly #watchers = new Set<() => void>();
  #epoch: number;
  /** While the replica set changes. */
  #held: HeldCommits | undefined;
  #ended: FastChatError | undefined;
  /** Commits are not acknowledged in time: further ones are refused before they are made. */
  #isStuck = false;
  #tick = 0;

  constructor(
    shard: ShardId,
    { epoch, replicas }: { readonly epoch: number; readonly replicas: readonly NodeId[] },
    ports: TenurePorts,
  ) {
    const { self, store, bugs } = ports;
    const gate = store.head(shard).seq + 1;
    this.shard = shard;
    this.since = epoch;
    this.#epoch = epoch;
    this.#ports = ports;
    const quorumOf = bugs.acknowledgeAfterOne === true ? () => 1 : undefined;
    this.#sequence = new Sequence(self, replicas, gate, quorumOf);
    for (const node of replicas) if (node !== self) this.follow(node);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get replicas(): readonly NodeId[] {
    return this.#sequence.replicas;
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  get isPaused(): boolean {
    return this.#held !== undefined;
  }

  /** Nobody waits for a commit. */
  get isIdle(): boolean {
    return this.#open.size === 0 && (this.#held?.size ?? 0) === 0;
  }

  get acknowledged(): number {
    return this.#isAlone ? this.#ports.store.head(this.shard).seq : this.#sequence.acknowledged;
  }

  get followers(): ReadonlyMap<NodeId, Follower> {
    return this.#followers;
  }

  /** Up to where a node has flushed the log. */
  flushedAt(node: NodeId): number {
    return this.#sequence.flushedAt(node);
  }

  /** The commit after which somebody still needs the journal. */
  get journalFloor(): number | undefined {
    if (this.#isAlone) return undefined;
    const kept = [...this.#followers.values()].map(({ keptAfter }) => keptAfter ?? Infinity);
    return Math.min(this.#sequence.floor, ...kept);
  }

  /** Resolves when acknowledged. @throws E_MOVED (no longer the owner), E_UNREACHABLE (too few replicas: unknown fate) */
  commit(writes: readonly Write[]): Promise<number> {
    if (this.#isAlone && this.#held === undefined && this.#ended === undefined)
      return this.#ports.store.commit(this.shard, this.#epoch, writes);
    return new Promise((resolve, reject) => this.#commitOrHold(writes, { resolve, reject }));
  }

  /** Resolves when everything made so far is acknowledged: only then may it be acted upon. */
  settled(): Promise<void> {
    const { store, bugs } = this.#ports;
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#isAlone) return store.flushed();
    const { seq } = store.head(this.shard);
    if (this.#sequence.acknowledged >= seq || bugs.readBeyondAcknowledged === true)
      return Promise.resolve();
    if (this.#isStuck) return Promise.reject(tooFew(this.shard));
    return new Promise((resolve, reject) => {
      this.#open.add(seq, { resolve: () => resolve(), reject }, this.#tick);
    });
  }

  /** The first commit of an epoch, which changes nothing: what is acknowledged from then on is of this epoch. */
  mark(): Promise<void> {
    return new Promise((resolve, reject) => this.#write([], { resolve: () => resolve(), reject }));
  }

  /** Begins to send the log to another node; it counts only once it is one of the replicas. */
  follow(node: NodeId): Follower {
    const present = this.#followers.get(node);
    if (present !== undefined) return present;
    // Alone, nobody noted what is flushed: from now on it counts.
    if (this.#isAlone) this.#ports.feeds.wrote(this, this.#ports.store.head(this.shard).seq);
    const follower = new Follower(node);
    this.#followers.set(node, follower);
    this.#ports.catchUp(this, follower);
    return follower;
  }

  /** The copy there is not what it should be, or nobody knows what it is: it is asked, or made anew. */
  doubt(node: NodeId, mustCopy: boolean): void {
    const follower = this.#followers.get(node);
    if (follower === undefined) return;
    follower.mustCopy ||= mustCopy;
    this.#starve(node, follower.round);
  }

  /** Sends no more to a node that is no replica. */
  unfollow(node: NodeId): void {
    this.#followers.delete(node);
  }

  /** New commits wait from here on; false when they wait already. */
  pause(): boolean {
    if (this.#held !== undefined) return false;
    this.#held = new HeldCommits(this.shard, this.#tick);
    return true;
  }

  /** Makes the commits that waited, and waits no more. */
  resume(): void {
    const held = this.#held;
    this.#held = undefined;
    for (const { writes, waiter } of held?.take() ?? []) this.#commitOrHold(writes, waiter);
  }

  /** The same owner in the next epoch, with another set; only while paused. Resolves when its marker is acknowledged. */
  advance(epoch: number, replicas: readonly NodeId[]): Promise<void> {
    const { self, store } = this.#ports;
    this.#epoch = epoch;
    this.#sequence.reconfigure(replicas, store.head(this.shard).seq + 1);
    for (const node of this.#followers.keys()) if (!replicas.includes(node)) this.unfollow(node);
    for (const node of replicas) if (node !== self) this.follow(node);
    return this.mark();
  }

  /** Whether W of `replicas` have flushed the whole log. */
  isCovered(replicas: readonly NodeId[]): boolean {
    return this.#sequence.isCovered(replicas, this.#ports.store.head(this.shard).seq);
  }

  /** Hears whenever a node has flushed more, or a follower changes. */
  watch(listener: () => void): { cancel(): void } {
    this.#watchers.add(listener);
    return { cancel: () => this.#watchers.delete(listener) };
  }

  /** A node has flushed more, or a follower is in another state. */
  tellWatchers(): void {
    for (const listener of this.#watchers) listener();
  }

  /** Nothing is committed or acknowledged any more: everything open fails with `error`. */
  end(error: FastChatError): void {
    if (this.#ended === undefined) this.#ended = error;
    this.#open.rejectAll(error);
    this.#held?.rejectAll(error);
    this.#held = undefined;
    this.#followers.clear();
    this.tellWatchers();
  }

  /** Time passes: what waits too long is refused, or ends with an unknown fate. */
  tick(): void {
    this.#tick += 1;
    const overdue = this.#tick - COMMIT_TICKS_MAX;
    this.#held?.expire(overdue);
    if (!this.#open.isOlderThan(overdue)) return;
    this.#isStuck = true;
    this.#open.rejectAll(tooFew(this.shard));
  }

  /** A replica's copy was asked for: this much of the log it has, and nothing more. */
  resetFlushed(node: NodeId, seq: number): void {
    this.#sequence.resetFlushed(node, seq);
  }

  /** `node` has it, whatever it was sent in. */
  noteFlushed(node: NodeId, seq: number): void {
    if (this.#ended !== undefined) return;
    if (this.#sequence.noteFlushed(node, seq)) {
      this.#isStuck = false;
      this.#open.resolveUpTo(this.#sequence.acknowledged);
    }
    this.tellWatchers();
  }

  onFlushedHere(seq: number): void {
    this.noteFlushed(this.#ports.self, seq);
  }

  onFlushed(node: NodeId, round: number, seq: number): void {
    if (this.#followers.get(node)?.round === round) this.noteFlushed(node, seq);
  }

  onRefused(node: NodeId, round: number, promised: number): void {
    if (promised > this.#epoch) return this.fenced(promised);
    this.#starve(node, round);
  }

  onLost(node: NodeId, round: number): void {
    this.#starve(node, round);
  }

  /** A replica has promised a later epoch. */
  fenced(promised: number): void {
    if (this.#ended === undefined) this.#ports.onFenced(this, promised);
  }

  get #isAlone(): boolean {
    return this.#followers.size === 0;
  }

  #commitOrHold(writes: readonly Write[], waiter: CommitWaiter): void {
    if (this.#ended !== undefined) waiter.reject(this.#ended);
    else if (this.#held !== undefined) this.#held.add(writes, waiter);
    else if (this.#isStuck) waiter.reject(tooFew(this.shard));
    else this.#write(writes, waiter);
  }

  #write(writes: readonly Write[], waiter: CommitWaiter): void {
    const { store, feeds } = this.#ports;
    const { shard } = this;
    const before = store.head(shard).epoch;
    let seq: number;
    try {
      seq = store.write(shard, this.#epoch, writes);
    } catch (cause) {
      return waiter.reject(asFastChatError(cause));
    }
    this.#open.add(seq, waiter, this.#tick);
    feeds.wrote(this, seq);
    this.#send(writes, seq, before);
  }

  #send(writes: readonly Write[], seq: number, before: number): void {
    const commit = packCommit(this.shard, this.#epoch, seq, before, writes);
    const bytes = sizeOf(writes);
    for (const follower of this.#followers.values()) {
      if (!follower.isFed) continue;
      const feed = this.#ports.feeds.to(follower.node);
      if (!feed.add(this, follower.round, seq, commit, bytes))
        this.#starve(follower.node, follower.round);
    }
  }

  /** What was sent to it in this round is not all there: it has to catch up. */
  #starve(node: NodeId, round: number): void {
    const follower = this.#followers.get(node);
    if (follower?.round !== round) return;
    follower.starve();
    if (follower.state === 'streaming') this.#ports.catchUp(this, follower);
  }
}

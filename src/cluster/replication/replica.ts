/**
 * The replica's side: carries out what owners ask, each request in the turn it arrives, so in the order it was sent, and
 * answers when that is flushed.
 *
 * I1: what comes in an epoch older than promised changes nothing. I4: a commit that does not follow the head here, in
 * number and in epoch, is refused; the owner finds out why by `status`.
 */
import type { Clock } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import type { ShardStore } from '../../persist/shard-store.ts';
import { encode } from '../../protocol/codec.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { REPLICA_COPY_IDLE_MS } from '../../protocol/limits.ts';
import { epochRuns } from './epoch-runs.ts';
import { digestOf } from './digest.ts';
import { appendReply, digestReply, doneReply, statusReply } from './frames.ts';
import type { ReplicaRequest, RequestOfType } from './frames.ts';

export interface ReplicaPorts {
  readonly store: ShardStore;
  readonly clock: Clock;
  readonly log: Log;
}

type CopyRequest = Exclude<
  ReplicaRequest,
  { readonly type: 'append' | 'status' | 'digest' | 'held' }
>;

export class Replica {
  readonly #ports: ReplicaPorts;
  /** The copies that are made here, by shard: whose pages are taken. */
  readonly #copies = new Map<ShardId, string>();
  /** When an owner last asked about a shard that this node may not need otherwise. */
  readonly #touchedMs = new Map<ShardId, number>();
  #isLeaving = false;

  constructor(ports: ReplicaPorts) {
    this.#ports = ports;
  }

  /** From now on no new copy is begun: this node drains. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Whether an owner may be making a copy here, or have counted one, that the map does not show yet. */
  isTouched(shard: ShardId): boolean {
    const touchedMs = this.#touchedMs.get(shard);
    if (touchedMs === undefined) return false;
    const isRecent = this.#ports.clock.mono() - touchedMs <= REPLICA_COPY_IDLE_MS;
    if (!isRecent) this.#touchedMs.delete(shard);
    return isRecent;
  }

  /** Deletes a copy that nothing here needs; false when an owner has asked about it lately. */
  async drop(shard: ShardId): Promise<boolean> {
    if (this.isTouched(shard)) return false;
    this.#copies.delete(shard);
    await this.#ports.store.drop(shard);
    return true;
  }

  /** Takes what it can; of a shard, nothing after the first commit that does not fit. */
  async append({ commits }: RequestOfType<'append'>): Promise<Uint8Array> {
    const { store } = this.#ports;
    const refused = new Map<ShardId, number>();
    for (const { shard, writes, ...place } of commits) {
      if (refused.has(shard)) continue;
      try {
        store.append(shard, place, writes);
      } catch (cause) {
        // A full disk refuses like a gap does: the owner asks, and finds this replica behind.
        this.#ports.log.event('debug', 'shard_fenced', {
          shard,
          code: asFastChatError(cause).code,
        });
        refused.set(shard, store.promised(shard));
      }
    }
    await store.flushed();
    const list = [...refused].map(([shard, promised]) => ({ shard, promised }));
    return encode(appendReply, { refused: list });
  }

  async status({ shard, epoch }: RequestOfType<'status'>): Promise<Uint8Array> {
    const { store } = this.#ports;
    const isFenced = epoch < store.promised(shard);
    if (!isFenced) this.#touch(shard);
    // Told as of now: what comes later is not what the flush below covers.
    const head = store.head(shard);
    const standing = store.standing(shard);
    const runs = standing === 'whole' ? epochRuns(head, (seq) => store.epochAt(shard, seq)) : [];
    const floor = store.floor(shard);
    if (!isFenced) await store.fence(shard, epoch);
    return encode(statusReply, { promised: store.promised(shard), standing, head, floor, runs });
  }

  /** Everything that changes a copy otherwise than by a commit. Only in the promised epoch: `status` came before. */
  async change(from: NodeId, request: CopyRequest): Promise<Uint8Array> {
    const { store } = this.#ports;
    const { shard, epoch } = request;
    const isPromised = store.promised(shard) === epoch;
    const done = isPromised && (await this.#carryOut(from, request));
    return encode(doneReply, { done, promised: store.promised(shard) });
  }

  async digest({ shard, epoch, head }: RequestOfType<'digest'>): Promise<Uint8Array> {
    const isPromised = this.#ports.store.promised(shard) === epoch;
    const digest = isPromised ? await digestOf(this.#ports, shard, head) : undefined;
    return encode(digestReply, { digest });
  }

  #carryOut(from: NodeId, request: CopyRequest): Promise<boolean> {
    this.#touch(request.shard);
    switch (request.type) {
      case 'rollBack':
        return this.#rollBack(request);
      case 'install':
        return this.#install(request);
      case 'beginCopy':
        return this.#beginCopy(from, request);
      case 'page':
        return this.#page(from, request);
    }
  }

  #rollBack({ shard, from, to }: RequestOfType<'rollBack'>): Promise<boolean> {
    const { store, log } = this.#ports;
    if (!this.#isAt(shard, from)) return Promise.resolve(false);
    log.event('info', 'replica_diverged', { shard, from: from.seq, to });
    return store.rollBack(shard, to);
  }

  async #install({ shard, from, head, writes }: RequestOfType<'install'>): Promise<boolean> {
    if (!this.#isAt(shard, from)) return false;
    await this.#ports.store.install(shard, head, writes);
    return true;
  }

  async #beginCopy(from: NodeId, request: RequestOfType<'beginCopy'>): Promise<boolean> {
    const { store } = this.#ports;
    const { shard, floor } = request;
    const isOnTop = request.from !== undefined;
    if (this.#isLeaving || (isOnTop && !this.#isAt(shard, request.from))) return false;
    const name = copyName(from, request);
    this.#copies.set(shard, name);
    if (!isOnTop) await store.drop(shard, floor);
    // While it was dropped, the copy of a later owner may have begun.
    if (this.#copies.get(shard) !== name) return false;
    await store.markPartial(shard, floor);
    return true;
  }

  async #page(from: NodeId, request: RequestOfType<'page'>): Promise<boolean> {
    const { store, log } = this.#ports;
    const { shard, head, writes } = request;
    const isUnderWay = this.#copies.get(shard) === copyName(from, request);
    if (!isUnderWay || store.standing(shard) !== 'partial') return false;
    if (head === undefined) {
      await store.installPart(shard, writes);
      return true;
    }
    this.#copies.delete(shard);
    await store.install(shard, head, writes);
    log.event('info', 'replica_synced', { shard, seq: head.seq });
    return true;
  }

  #isAt(shard: ShardId, { epoch, seq }: { readonly epoch: number; readonly seq: number }): boolean {
    const { store } = this.#ports;
    const head = store.head(shard);
    const standing = store.standing(shard);
    const isUsable = standing === 'whole' || standing === 'absent';
    return isUsable && head.epoch === epoch && head.seq === seq;
  }

  #touch(shard: ShardId): void {
    this.#touchedMs.set(shard, this.#ports.clock.mono());
  }
}

/** Pages of one try to make a copy; `attempt` is the owner's number for it. */
function copyName(
  from: NodeId,
  { epoch, attempt }: { readonly epoch: number; readonly attempt: number },
): string {
  return `${from}/${epoch}/${attempt}`;
}

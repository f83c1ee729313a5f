/**
 * The coordinator as the other nodes see it: asked over the mesh, watched by announcements with a poll behind them,
 * because an announcement may be lost. An older view than one seen before is never shown (C1).
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { ReplyOf, RequestOf } from '../protocol/calls.ts';
import { decode, encodeRaw } from '../protocol/codec.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { COORDINATOR_ASK_AGAIN_MS, COORDINATOR_POLL_MS, LEASE_TTL_MS } from '../protocol/limits.ts';
import type { Infer } from '../protocol/schema.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import { coordinatorCalls, viewAnnounced } from './coordinator-frames.ts';
import { EMPTY_VIEW } from './coordinator-state.ts';
import { itemsOf } from './items.ts';
import { RenewedLease } from './lease.ts';
import { isSameSet } from './lease-keeper.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import type { MeshPort } from './mesh-port.ts';
import type { StoreClaim, StoreVerdict } from './store-tokens.ts';
import { ViewListeners } from './view-listeners.ts';
import type { OnLive, OnView, Subscription } from './view-listeners.ts';

type Calls = (typeof coordinatorCalls)['calls'];

/**
 * What may arrive any number of times, and late: a swap fails at another epoch, a claim that is known is known again. A
 * lease that is given up twice could be the next one, and a member that leaves twice could have come back.
 */
const REPEATED: ReadonlySet<keyof Calls> = new Set(['view', 'watch', 'swap', 'recognise']);

export interface RemoteCoordinatorOptions {
  readonly mesh: MeshPort;
  /** The node that keeps the coordinator. */
  readonly at: NodeId;
  readonly clock: Clock;
}

/**
 * Every method may fail with E_UNREACHABLE or E_TIMEOUT. A `swap` or `join` that fails so may have happened, or may
 * still happen; only another swap from the same epoch settles it. A swap whose first answer was lost is told `current`
 * as it made it, and not that it was `swapped`.
 */
export class RemoteCoordinator implements Coordinator {
  readonly #mesh: MeshPort;
  readonly #at: NodeId;
  readonly #clock: Clock;
  readonly #listeners = new ViewListeners();
  readonly #poll: Timer;
  #newest: ClusterView = EMPTY_VIEW;
  #live: ReadonlySet<NodeId> | undefined;
  #lease: RenewedLease | undefined;
  #isClosed = false;

  constructor({ mesh, at, clock }: RemoteCoordinatorOptions) {
    this.#mesh = mesh;
    this.#at = at;
    this.#clock = clock;
    mesh.serve('coordinator', { tell: (from, payload) => this.#onAnnouncement(from, payload) });
    mesh.onPeer((peer, change) => {
      if (peer !== at || change !== 'up') return;
      this.#watchAgain();
      void this.#lease?.renewNow();
    });
    this.#poll = every(clock, COORDINATOR_POLL_MS, () => this.#watchAgain());
    this.#watchAgain();
  }

  async join(member: Member): Promise<ClusterView> {
    return this.#learn((await this.#ask('join', { type: 'join', member })).view);
  }

  async leave(node: NodeId): Promise<void> {
    await this.#ask('leave', { type: 'leave', node });
  }

  async view(): Promise<ClusterView> {
    return this.#learn((await this.#ask('view', { type: 'view' })).view);
  }

  async swap(
    shard: ShardId,
    expectedEpoch: number,
    next: ShardAssignment,
  ): Promise<{ readonly swapped: boolean; readonly current: ShardAssignment }> {
    return await this.#ask('swap', { type: 'swap', shard, expectedEpoch, next });
  }

  async recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict> {
    invariant(node === this.#mesh.self, 'a node speaks for its own store');
    return await this.#ask('recognise', { type: 'recognise', claim });
  }

  lease(node: NodeId): Lease {
    invariant(node === this.#mesh.self, 'a node holds its own lease');
    this.#lease = new RenewedLease({
      clock: this.#clock,
      // A later answer is worth nothing: the lease would be over.
      renew: async () =>
        this.#learnLive((await this.#ask('renew', { type: 'renew' }, LEASE_TTL_MS)).live),
      end: () => this.#ask('endLease', { type: 'endLease' }),
    });
    return this.#lease;
  }

  live(): ReadonlySet<NodeId> | undefined {
    return this.#live;
  }

  watch(onView: OnView, onLive?: OnLive): Subscription {
    return this.#listeners.add(onView, onLive);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#poll.cancel();
    this.#lease?.stop();
    this.#listeners.clear();
    await Promise.resolve();
  }

  async #ask<K extends keyof Calls>(
    type: K,
    request: RequestOf<Calls> & { readonly type: K },
    timeoutMs?: number,
  ): Promise<ReplyOf<Calls, K>> {
    if (this.#isClosed) throw new FastChatError('E_UNREACHABLE', 'this node is stopping');
    const asked = encodeRaw(coordinatorCalls.packRequest(0, request));
    const send = async (): Promise<ReplyOf<Calls, K>> => {
      const payload = await this.#mesh.requestAsync(this.#at, 'coordinator', asked, timeoutMs);
      // Views and assignments outlive the frame; only keys are byte strings, so one copy here is cheap.
      return coordinatorCalls.parseReply(type, itemsOf(Uint8Array.from(payload)));
    };
    return await (REPEATED.has(type) ? this.#untilAnswered(send) : send());
  }

  /**
   * Ends as the first of several requests does. A frame can be lost on a link that holds, and whole shards wait for an
   * answer: so the same is asked again long before the first request is over.
   */
  #untilAnswered<T>(send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const ask = (): void => {
        void send()
          .then(resolve, reject)
          .finally(() => again.cancel());
      };
      const again = every(this.#clock, COORDINATOR_ASK_AGAIN_MS, () => {
        if (this.#isClosed) again.cancel();
        else ask();
      });
      ask();
    });
  }

  /** Being a watcher ends with the coordinator's process: asking again is what renews it. */
  #watchAgain(): void {
    this.#ask('watch', { type: 'watch' }).then(
      (now) => this.#learnAll(now),
      // Silence of the coordinator is noticed by whoever needs it; the next poll asks again.
      () => undefined,
    );
  }

  #onAnnouncement(from: NodeId, payload: Uint8Array): void {
    if (from !== this.#at || this.#isClosed) return;
    this.#learnAll(decode(viewAnnounced, Uint8Array.from(payload)));
  }

  #learnAll({ view, live }: Infer<typeof viewAnnounced>): void {
    this.#learn(view);
    this.#learnLive(live);
  }

  /** Answers and announcements of one coordinator come in the order it sent them (M4). */
  #learnLive(nodes: readonly NodeId[]): void {
    const live = new Set(nodes);
    if (this.#live !== undefined && isSameSet(live, this.#live)) return;
    this.#live = live;
    if (!this.#isClosed) this.#listeners.tellLive(live);
  }

  /** @returns the newest view known */
  #learn(view: ClusterView): ClusterView {
    if (view.map.version <= this.#newest.map.version) return this.#newest;
    this.#newest = view;
    if (!this.#isClosed) this.#listeners.tell(view);
    return view;
  }
}

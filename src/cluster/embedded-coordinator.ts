/**
 * The coordinator in a node's own store: for one machine and small clusters. While its node is down ownership does not
 * move, and everything else goes on by the last map that every node keeps.
 *
 * A change is on disk before it is answered or announced (C3); changes are made one after the other (C2). Leases are in
 * memory only: a restart grants every member a new one (C5).
 */
import type { Clock } from '../ops/clock.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { decode, encode } from '../protocol/codec.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { SHARDS_DEFAULT } from '../protocol/limits.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import { EMPTY_VIEW, isMember, joinMember, leaveMember, swapShard } from './coordinator-state.ts';
import { RenewedLease } from './lease.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { clusterView } from './members.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import { ViewListeners } from './view-listeners.ts';
import { judgeStore, storeOf, storesSeen, withStore } from './store-tokens.ts';
import type { StoreClaim, StoreSeen, StoreVerdict } from './store-tokens.ts';
import type { OnLive, OnView, Subscription } from './view-listeners.ts';

/** Where node-level records are kept; `ShardStore` has it. */
export type MetaStore = Pick<ShardStore, 'putMeta' | 'getMeta'>;

export interface EmbeddedCoordinatorOptions {
  readonly store: MetaStore;
  readonly clock: Clock;
  /** Used once, when the first member joins. Default SHARDS_DEFAULT. */
  readonly shards?: number;
}

const RECORD = 'coordinator';
const STORES_RECORD = 'coordinator-stores';

interface Change<T> {
  readonly view: ClusterView;
  readonly answer: T;
}

export class EmbeddedCoordinator implements Coordinator {
  /** Of all members; those of other nodes are renewed over the mesh. */
  readonly leases: LeaseKeeper;
  readonly #clock: Clock;
  readonly #store: MetaStore;
  readonly #shards: number;
  readonly #listeners = new ViewListeners();
  /** What is on disk. */
  #view: ClusterView;
  /** Ends when the last change asked for is done. */
  #changes: Promise<unknown> = Promise.resolve();
  #stores: readonly StoreSeen[];
  #lease: RenewedLease | undefined;
  #isClosed = false;

  constructor(options: EmbeddedCoordinatorOptions) {
    const { clock } = options;
    this.#clock = clock;
    this.#store = options.store;
    this.#shards = options.shards ?? SHARDS_DEFAULT;
    const record = options.store.getMeta(RECORD);
    this.#view = record === undefined ? EMPTY_VIEW : decode(clusterView, record);
    const stores = options.store.getMeta(STORES_RECORD);
    this.#stores = stores === undefined ? [] : decode(storesSeen, stores);
    this.leases = new LeaseKeeper({ clock, onLive: (live) => this.#listeners.tellLive(live) });
    this.leases.begin(this.#view.members);
  }

  /** The view as it is on disk. */
  get present(): ClusterView {
    return this.#view;
  }

  join(member: Member): Promise<ClusterView> {
    return this.#change((present) => {
      const view = joinMember(present, member, this.#shards);
      return { view, answer: view };
    });
  }

  leave(node: NodeId): Promise<void> {
    return this.#change((present) => ({ view: leaveMember(present, node), answer: undefined }));
  }

  async view(): Promise<ClusterView> {
    this.#assertOpen();
    return await Promise.resolve(this.#view);
  }

  swap(
    shard: ShardId,
    expectedEpoch: number,
    next: ShardAssignment,
  ): Promise<{ readonly swapped: boolean; readonly current: ShardAssignment }> {
    return this.#change((present) => {
      const { view, swapped, current } = swapShard(present, shard, expectedEpoch, next);
      return { view, answer: { swapped, current } };
    });
  }

  async recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict> {
    return await this.#inTurn(async () => {
      const verdict = judgeStore(storeOf(this.#stores, node), claim);
      if (verdict.isKnown) await this.#remember(withStore(this.#stores, node, claim));
      return verdict;
    });
  }

  lease(node: NodeId): Lease {
    this.#lease = new RenewedLease({
      clock: this.#clock,
      renew: () => Promise.resolve(this.leases.renew(node)),
      end: () => Promise.resolve(this.leases.end(node)),
    });
    return this.#lease;
  }

  live(): ReadonlySet<NodeId> {
    return this.leases.live;
  }

  watch(onView: OnView, onLive?: OnLive): Subscription {
    return this.#listeners.add(onView, onLive);
  }

  /** Waits for the changes under way; later ones are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#lease?.stop();
    this.leases.stop();
    this.#listeners.clear();
    await this.#changes;
  }

  #change<T>(decide: (present: ClusterView) => Change<T>): Promise<T> {
    return this.#inTurn(async () => {
      const { view, answer } = decide(this.#view);
      if (view !== this.#view) await this.#publish(view);
      return answer;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(async () => {
      this.#assertOpen();
      return await work();
    });
    this.#changes = done.catch(() => undefined);
    return done;
  }

  async #remember(stores: readonly StoreSeen[]): Promise<void> {
    const ofMembers = stores.filter(({ node }) => isMember(this.#view, node));
    await this.#store.putMeta(STORES_RECORD, encode(storesSeen, ofMembers));
    this.#stores = ofMembers;
  }

  async #publish(view: ClusterView): Promise<void> {
    await this.#store.putMeta(RECORD, encode(clusterView, view));
    this.#view = view;
    this.#listeners.tell(view);
    this.leases.setMembers(view.members);
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new FastChatError('E_UNREACHABLE', 'the coordinator is stopping');
  }
}

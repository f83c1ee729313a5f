/**
 * A coordinator for simulation: its state survives crashes, every caller sees it through a delay and may be cut off.
 * A caller that is cut off, or a crash, loses requests before they are carried out or answers after it: both look the
 * same to the caller, as they do in production.
 */
import type { Clock } from '../ops/clock.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { SHARDS_DEFAULT } from '../protocol/limits.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import { EMPTY_VIEW, joinMember, leaveMember, newerView, swapShard } from './coordinator-state.ts';
import { RenewedLease } from './lease.ts';
import { isSameSet, LeaseKeeper } from './lease-keeper.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import { judgeStore, storeOf, withStore } from './store-tokens.ts';
import type { StoreClaim, StoreSeen, StoreVerdict } from './store-tokens.ts';
import { ViewListeners } from './view-listeners.ts';
import type { OnLive, OnView, Subscription } from './view-listeners.ts';

export interface MemoryCoordinatorOptions {
  readonly clock: Clock;
  /** Default SHARDS_DEFAULT. */
  readonly shards?: number;
  /** One way, unless set for a caller. Default 1. */
  readonly delayMs?: number;
}

type Swapped = { readonly swapped: boolean; readonly current: ShardAssignment };

export class MemoryCoordinatorService {
  readonly #clock: Clock;
  readonly #shards: number;
  readonly #delayMs: number;
  readonly #delays = new Map<NodeId, number>();
  readonly #cutOff = new Set<NodeId>();
  readonly #changed = new ViewListeners();
  #leases: LeaseKeeper;
  #view: ClusterView = EMPTY_VIEW;
  /** Grows with every crash: what was under way then is lost. */
  #boot = 0;
  #stores: readonly StoreSeen[] = [];
  #isUp = true;

  constructor(options: MemoryCoordinatorOptions) {
    this.#clock = options.clock;
    this.#shards = options.shards ?? SHARDS_DEFAULT;
    this.#delayMs = options.delayMs ?? 1;
    this.#leases = this.#keepLeases();
  }

  /** What is durable now, for checkers. */
  get present(): ClusterView {
    return this.#view;
  }

  crash(): void {
    this.#isUp = false;
    this.#boot += 1;
    this.#leases.stop();
  }

  restart(): void {
    this.#isUp = true;
    this.#leases = this.#keepLeases();
    this.#changed.tell(this.#view);
    this.#changed.tellLive(this.#leases.live);
  }

  setDelay(caller: NodeId, delayMs: number): void {
    this.#delays.set(caller, delayMs);
  }

  /** Cuts a caller off, or lets it back; after that it hears of the present view. */
  setCutOff(caller: NodeId, isCutOff: boolean): void {
    if (isCutOff) this.#cutOff.add(caller);
    else this.#cutOff.delete(caller);
    if (isCutOff) return;
    this.#changed.tell(this.#view);
    this.#changed.tellLive(this.#leases.live);
  }

  /** The coordinator as `caller` sees it; `clock` is the caller's own, which stops when the caller dies. */
  seenBy(caller: NodeId, clock: Clock = this.#clock): Coordinator {
    return new MemoryCoordinator({
      clock,
      change: (decide) => this.#roundTrip(caller, () => this.#change(decide)),
      leases: (work) =>
        this.#roundTrip(caller, () => {
          work(this.#leases);
          return this.#leases.live;
        }),
      recognise: (node, claim) => this.#roundTrip(caller, () => this.#recognise(node, claim)),
      onChange: (onView, onLive) =>
        this.#changed.add(
          this.#heardBy(caller, clock, onView),
          this.#heardBy(caller, clock, onLive),
        ),
    });
  }

  #heardBy<T>(caller: NodeId, clock: Clock, heard: (news: T) => void): (news: T) => void {
    return (news) => {
      clock.after(this.#delayTo(caller), () => {
        if (this.#reaches(caller)) heard(news);
      });
    };
  }

  #recognise(node: NodeId, claim: StoreClaim): StoreVerdict {
    const verdict = judgeStore(storeOf(this.#stores, node), claim);
    if (verdict.isKnown) this.#stores = withStore(this.#stores, node, claim);
    return verdict;
  }

  #keepLeases(): LeaseKeeper {
    const onLive: OnLive = (live) => this.#changed.tellLive(live);
    const leases = new LeaseKeeper({ clock: this.#clock, onLive });
    leases.begin(this.#view.members);
    return leases;
  }

  #delayTo(caller: NodeId): number {
    return this.#delays.get(caller) ?? this.#delayMs;
  }

  #reaches(caller: NodeId): boolean {
    return this.#isUp && !this.#cutOff.has(caller);
  }

  #change<T>(decide: (view: ClusterView, shards: number) => readonly [ClusterView, T]): T {
    const [view, answer] = decide(this.#view, this.#shards);
    if (view !== this.#view) {
      this.#view = view;
      this.#changed.tell(view);
      this.#leases.setMembers(view.members);
    }
    return answer;
  }

  #roundTrip<T>(caller: NodeId, work: () => T): Promise<T> {
    const oneWayMs = this.#delayTo(caller);
    return new Promise((resolve, reject) => {
      const lost = (): void =>
        reject(new FastChatError('E_UNREACHABLE', 'the coordinator does not answer'));
      this.#clock.after(oneWayMs, () => {
        if (!this.#reaches(caller)) return lost();
        const boot = this.#boot;
        const answer = attempt(work);
        this.#clock.after(oneWayMs, () => {
          if (!this.#reaches(caller) || boot !== this.#boot) lost();
          else if (answer.ok) resolve(answer.value);
          else reject(answer.error);
        });
      });
    });
  }
}

type Attempt<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: FastChatError };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { ok: true, value: work() };
  } catch (cause) {
    return { ok: false, error: asFastChatError(cause) };
  }
}

type Decide<T> = (view: ClusterView, shards: number) => readonly [ClusterView, T];

interface ServicePort {
  readonly clock: Clock;
  change<T>(decide: Decide<T>): Promise<T>;
  /** Answers who lives afterwards. */
  leases(work: (leases: LeaseKeeper) => void): Promise<ReadonlySet<NodeId>>;
  recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict>;
  onChange(onView: OnView, onLive: OnLive): Subscription;
}

class MemoryCoordinator implements Coordinator {
  readonly #service: ServicePort;
  readonly #listeners = new ViewListeners();
  readonly #subscription: Subscription;
  #newest: ClusterView = EMPTY_VIEW;
  #live: ReadonlySet<NodeId> | undefined;
  #lease: RenewedLease | undefined;

  constructor(service: ServicePort) {
    this.#service = service;
    this.#subscription = service.onChange(
      (view) => this.#learn(view),
      (live) => this.#learnLive(live),
    );
  }

  async join(member: Member): Promise<ClusterView> {
    const view = await this.#service.change((present, shards) => {
      const next = joinMember(present, member, shards);
      return [next, next];
    });
    return this.#learn(view);
  }

  async leave(node: NodeId): Promise<void> {
    await this.#service.change((present) => [leaveMember(present, node), undefined]);
  }

  async view(): Promise<ClusterView> {
    return this.#learn(await this.#service.change((present) => [present, present]));
  }

  swap(shard: ShardId, expectedEpoch: number, next: ShardAssignment): Promise<Swapped> {
    return this.#service.change((present) => {
      const { view, ...outcome } = swapShard(present, shard, expectedEpoch, next);
      return [view, outcome];
    });
  }

  recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict> {
    return this.#service.recognise(node, claim);
  }

  lease(node: NodeId): Lease {
    const { clock } = this.#service;
    this.#lease = new RenewedLease({
      clock,
      renew: async () =>
        this.#learnLive(await this.#service.leases((leases) => leases.renew(node))),
      end: () => this.#service.leases((leases) => leases.end(node)),
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
    this.#subscription.cancel();
    this.#lease?.stop();
    this.#listeners.clear();
    await Promise.resolve();
  }

  #learnLive(live: ReadonlySet<NodeId>): void {
    if (this.#live !== undefined && isSameSet(live, this.#live)) return;
    this.#live = live;
    this.#listeners.tellLive(live);
  }

  #learn(view: ClusterView): ClusterView {
    const isNew = view.map.version > this.#newest.map.version;
    this.#newest = newerView(this.#newest, view);
    if (isNew) this.#listeners.tell(view);
    return this.#newest;
  }
}

/**
 * A coordinator for simulation: its state survives crashes, every caller sees it through a delay and may be cut off.
 * A caller that is cut off, or a crash, loses requests before they are carried out or answers after it: both look the
 * same to the caller, as they do in production.
 */
import type { Clock } from '../ops/clock.ts';
import { asFastChatError, FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { SHARDS_DEFAULT } from '../protocol/limits.ts';
import type { Coordinator } from './coordinator.ts';
import { EMPTY_VIEW, joinMember, leaveMember, newerView, swapShard } from './coordinator-state.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import { ViewListeners } from './view-listeners.ts';

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
  #view: ClusterView = EMPTY_VIEW;
  /** Grows with every crash: what was under way then is lost. */
  #boot = 0;
  #isUp = true;

  constructor(options: MemoryCoordinatorOptions) {
    this.#clock = options.clock;
    this.#shards = options.shards ?? SHARDS_DEFAULT;
    this.#delayMs = options.delayMs ?? 1;
  }

  /** What is durable now, for checkers. */
  get present(): ClusterView {
    return this.#view;
  }

  crash(): void {
    this.#isUp = false;
    this.#boot += 1;
  }

  restart(): void {
    this.#isUp = true;
    this.#changed.tell(this.#view);
  }

  setDelay(caller: NodeId, delayMs: number): void {
    this.#delays.set(caller, delayMs);
  }

  /** Cuts a caller off, or lets it back; after that it hears of the present view. */
  setCutOff(caller: NodeId, isCutOff: boolean): void {
    if (isCutOff) this.#cutOff.add(caller);
    else this.#cutOff.delete(caller);
    if (!isCutOff) this.#changed.tell(this.#view);
  }

  /** The coordinator as `caller` sees it. */
  seenBy(caller: NodeId): Coordinator {
    return new MemoryCoordinator({
      change: (decide) => this.#roundTrip(caller, () => this.#change(decide)),
      onChange: (heard) => {
        const later = (view: ClusterView): void => {
          this.#clock.after(this.#delayTo(caller), () => {
            if (this.#reaches(caller)) heard(view);
          });
        };
        return this.#changed.add(later);
      },
    });
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
  change<T>(decide: Decide<T>): Promise<T>;
  onChange(heard: (view: ClusterView) => void): { cancel(): void };
}

class MemoryCoordinator implements Coordinator {
  readonly #service: ServicePort;
  readonly #listeners = new ViewListeners();
  readonly #subscription: { cancel(): void };
  #newest: ClusterView = EMPTY_VIEW;

  constructor(service: ServicePort) {
    this.#service = service;
    this.#subscription = service.onChange((view) => this.#learn(view));
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

  watch(onView: (view: ClusterView) => void): { cancel(): void } {
    return this.#listeners.add(onView);
  }

  async close(): Promise<void> {
    this.#subscription.cancel();
    this.#listeners.clear();
    await Promise.resolve();
  }

  #learn(view: ClusterView): ClusterView {
    const isNew = view.map.version > this.#newest.map.version;
    this.#newest = newerView(this.#newest, view);
    if (isNew) this.#listeners.tell(view);
    return this.#newest;
  }
}

/**
 * Steps aside when this node does not hear enough of the others (`surroundings.ts`): gives its lease up, so that its
 * shards are taken over although it lives, and then its sessions, because it can serve none of them. Comes back by itself.
 *
 * R1  What was acknowledged is safe whatever this decides: who acknowledges is up to replicas and epochs, never to it.
 * R2  Sessions are not sent away while the coordinator tells that nobody serves in the place of this node: there is no
 *     better place.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import type { NodeId } from '../protocol/ids.ts';
import {
  RETREAT_LOOK_MS,
  RETREAT_MINORITY_MS,
  RETREAT_PROBE_MS,
  RETREAT_SESSIONS_MS,
  RETREAT_SPLIT_MS,
  RETREAT_START_MS,
} from '../protocol/limits.ts';
import type { Coordinator, Lease } from './coordinator.ts';
import type { Membership } from './membership.ts';
import type { ShardDirectory } from './shard-map.ts';
import { hasOthers, judge, mayReturn, ownedBy } from './surroundings.ts';
import type { Judgement, Surroundings } from './surroundings.ts';

export interface RetreatPorts {
  readonly self: NodeId;
  readonly directory: Pick<ShardDirectory, 'members' | 'view'>;
  readonly membership: Pick<Membership, 'isUp'>;
  readonly coordinator: Pick<Coordinator, 'live' | 'view'>;
  readonly lease: Pick<Lease, 'validUntilMs' | 'rest' | 'resume'>;
  /** Whether another member hears `node`. */
  readonly isHeardElsewhere: (node: NodeId) => boolean;
  /** Whether this node takes logins and keeps sessions; told when that changes. */
  readonly onFit: (isFit: boolean) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** `doubt`: something is missing, since then. `aside`: the lease was given up then, with so many shards. */
type State =
  | { readonly at: 'well' }
  | { readonly at: 'doubt'; readonly sinceMs: number }
  | {
      readonly at: 'aside';
      readonly sinceMs: number;
      readonly owned: number;
      probedMs: number;
      /** Whether the coordinator answered the last probe. */
      isReached: boolean;
    };

export class Retreat {
  readonly #ports: RetreatPorts;
  #state: State = { at: 'well' };
  #timer: Timer | undefined;
  #startedMs = 0;
  /** The others were heard once: before that, this node or the whole cluster may only just be starting. */
  #hasMet = false;
  #isFit = true;

  constructor(ports: RetreatPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#startedMs = this.#ports.clock.mono();
    this.#timer ??= every(this.#ports.clock, RETREAT_LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** False while sessions are sent away: this node serves nobody. */
  get isFit(): boolean {
    return this.#isFit;
  }

  #look(): void {
    if (this.#state.at === 'aside') return this.#lookAside(this.#state);
    const { clock, lease } = this.#ports;
    const nowMs = clock.mono();
    const judgement = judge(this.#surroundings(nowMs < lease.validUntilMs));
    if (judgement === 'stay') {
      this.#hasMet = true;
      this.#state = { at: 'well' };
      return;
    }
    if (this.#state.at === 'well') this.#state = { at: 'doubt', sinceMs: nowMs };
    const isStarting = !this.#hasMet && nowMs - this.#startedMs < RETREAT_START_MS;
    if (isStarting || nowMs - this.#state.sinceMs < waitOf(judgement)) return;
    this.#stepAside(judgement, nowMs);
  }

  #stepAside(judgement: Judgement, nowMs: number): void {
    const { lease, log, self, directory } = this.#ports;
    const owned = ownedBy(self, directory.view.map.shards);
    const isReached = nowMs < lease.validUntilMs;
    log.event('warn', 'node_steps_aside', { reason: judgement });
    this.#state = { at: 'aside', sinceMs: nowMs, owned, probedMs: nowMs, isReached };
    void lease.rest();
  }

  #lookAside(state: Extract<State, { at: 'aside' }>): void {
    const nowMs = this.#ports.clock.mono();
    if (nowMs - state.probedMs >= RETREAT_PROBE_MS) this.#probe(state, nowMs);
    const surroundings = this.#surroundings(state.isReached);
    if (mayReturn(surroundings)) return this.#return();
    // Those who take over need a moment; whoever comes before that waits there.
    const isTime = nowMs - state.sinceMs >= RETREAT_SESSIONS_MS;
    if (isTime) this.#setFit(!hasOthers(surroundings, state.owned));
  }

  #return(): void {
    const { lease, log } = this.#ports;
    log.event('info', 'node_is_back');
    this.#state = { at: 'well' };
    this.#setFit(true);
    lease.resume();
  }

  /** Without renewals nothing else shows whether the coordinator answers. */
  #probe(state: Extract<State, { at: 'aside' }>, nowMs: number): void {
    state.probedMs = nowMs;
    const note = (isReached: boolean) => (): void => {
      state.isReached = isReached;
    };
    this.#ports.coordinator.view().then(note(true), note(false));
  }

  #setFit(isFit: boolean): void {
    if (isFit === this.#isFit) return;
    this.#isFit = isFit;
    this.#ports.onFit(isFit);
  }

  #surroundings(isReached: boolean): Surroundings {
    const { self, directory, membership, coordinator } = this.#ports;
    const members = directory.members.map(({ node }) => node);
    return {
      self,
      members,
      heard: new Set([self, ...members.filter((node) => membership.isUp(node))]),
      isHeardElsewhere: this.#ports.isHeardElsewhere,
      live: isReached ? coordinator.live() : undefined,
      shards: directory.view.map.shards,
    };
  }
}

function waitOf(judgement: Judgement): number {
  return judgement === 'minority' ? RETREAT_MINORITY_MS : RETREAT_SPLIT_MS;
}

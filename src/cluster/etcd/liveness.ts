/**
 * Who lives, by the leases in etcd. A silence of etcd, or of this node itself, ends no life (C5): leases that are gone
 * when it is over may have run out only because nobody could renew them, so everybody gets one more TTL to do it.
 */
import type { Clock, Timer } from '../../ops/clock.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { LEASE_CHECK_LATE_MS, LEASE_TTL_MS } from '../../protocol/limits.ts';
import { isSameSet } from '../lease-keeper.ts';
import type { Member } from '../members.ts';
import { GIVEN_UP } from './etcd-lease.ts';

/** The keys that are there, with their values. */
type Leases = ReadonlyMap<NodeId, Uint8Array>;

export interface LivenessPorts {
  readonly clock: Clock;
  readonly onLive: (live: ReadonlySet<NodeId>) => void;
}

export class EtcdLiveness {
  readonly #ports: LivenessPorts;
  #members: readonly Member[] = [];
  #leases: Leases = new Map();
  #live: ReadonlySet<NodeId> | undefined;
  #heardMs = -Infinity;
  #graceUntilMs = 0;
  #ending: Timer | undefined;

  constructor(ports: LivenessPorts) {
    this.#ports = ports;
  }

  /** Undefined before the first `update`. */
  get live(): ReadonlySet<NodeId> | undefined {
    return this.#live;
  }

  /** Etcd answered something, or told of something. */
  heard(): void {
    const nowMs = this.#ports.clock.mono();
    if (nowMs - this.#heardMs > LEASE_CHECK_LATE_MS) this.spare();
    this.#heardMs = nowMs;
  }

  /** From now on everybody has one TTL to renew: etcd was silent, or had nothing to say. */
  spare(): void {
    this.#graceUntilMs = this.#ports.clock.mono() + LEASE_TTL_MS;
    this.#ending?.cancel();
    this.#ending = this.#ports.clock.after(LEASE_TTL_MS, () => this.#show());
  }

  update(members: readonly Member[], leases: Leases): void {
    this.heard();
    this.#members = members;
    this.#leases = leases;
    this.#show();
  }

  stop(): void {
    this.#ending?.cancel();
  }

  #show(): void {
    const nodes = this.#members.map(({ node }) => node);
    const live = new Set(nodes.filter((node) => this.#isAlive(node)));
    if (this.#live !== undefined && isSameSet(live, this.#live)) return;
    this.#live = live;
    this.#ports.onLive(live);
  }

  #isAlive(node: NodeId): boolean {
    const lease = this.#leases.get(node);
    return lease === undefined ? this.#isSpared(node) : lease.length > GIVEN_UP.length;
  }

  #isSpared(node: NodeId): boolean {
    const isGrace = this.#ports.clock.mono() < this.#graceUntilMs;
    return isGrace && (this.#live === undefined || this.#live.has(node));
  }
}

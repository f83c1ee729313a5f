/**
 * The coordinator's side of leases, for coordinators that keep them in memory. A lease ends LEASE_TTL_MS after the last
 * renewal arrived (C5). Whatever this process itself missed is nobody's fault: after a start or a pause of its own every
 * lease begins anew, so that its own silence declares nobody dead.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { NodeId } from '../protocol/ids.ts';
import { LEASE_CHECK_LATE_MS, LEASE_CHECK_MS, LEASE_TTL_MS } from '../protocol/limits.ts';
import type { Member } from './members.ts';

export interface LeaseKeeperPorts {
  readonly clock: Clock;
  /** Told of every change of `live`. */
  readonly onLive: (live: ReadonlySet<NodeId>) => void;
}

export class LeaseKeeper {
  readonly #ports: LeaseKeeperPorts;
  /** When each lease ends, by the keeper's clock. */
  readonly #ends = new Map<NodeId, number>();
  readonly #checking: Timer;
  #members: readonly Member[] = [];
  #live: ReadonlySet<NodeId> = new Set();
  #checkedMs: number;

  constructor(ports: LeaseKeeperPorts) {
    this.#ports = ports;
    this.#checkedMs = ports.clock.mono();
    this.#checking = every(ports.clock, LEASE_CHECK_MS, () => this.#check());
  }

  /** Members with a lease. */
  get live(): ReadonlySet<NodeId> {
    return this.#live;
  }

  /** Begins or renews the lease of `node`, which may be about to become a member. */
  renew(node: NodeId): void {
    this.#ends.set(node, this.#ports.clock.mono() + LEASE_TTL_MS);
    this.#show();
  }

  end(node: NodeId): void {
    this.#ends.delete(node);
    this.#show();
  }

  setMembers(members: readonly Member[]): void {
    if (members === this.#members) return;
    this.#members = members;
    this.#show();
  }

  /** The first act after a restart: nobody knows who renewed before, so every member has one whole TTL. */
  begin(members: readonly Member[]): void {
    this.#members = members;
    this.#checkedMs = this.#ports.clock.mono();
    this.#renewAll(members.map(({ node }) => node));
    this.#show();
  }

  stop(): void {
    this.#checking.cancel();
  }

  #renewAll(nodes: Iterable<NodeId>): void {
    const endMs = this.#ports.clock.mono() + LEASE_TTL_MS;
    for (const node of nodes) this.#ends.set(node, endMs);
  }

  #check(): void {
    const nowMs = this.#ports.clock.mono();
    const wasAway = nowMs - this.#checkedMs > LEASE_CHECK_LATE_MS;
    this.#checkedMs = nowMs;
    // This process was stopped or blocked: renewals that came meanwhile have yet to be read.
    if (wasAway) this.#renewAll(this.#ends.keys());
    for (const [node, endMs] of this.#ends) if (endMs <= nowMs) this.#ends.delete(node);
    this.#show();
  }

  #show(): void {
    const held = this.#members.filter(({ node }) => this.#ends.has(node));
    const live = new Set(held.map(({ node }) => node));
    if (isSameSet(live, this.#live)) return;
    this.#live = live;
    this.#ports.onLive(live);
  }
}

/** Whether two sets have the same elements. */
export function isSameSet<T>(left: ReadonlySet<T>, right: ReadonlySet<T>): boolean {
  return left.size === right.size && [...left].every((element) => right.has(element));
}

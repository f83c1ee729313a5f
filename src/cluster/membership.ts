/** Keeps the mesh connected to exactly the members, and knows which of them are heard. */
import type { Clock } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import type { NodeId } from '../protocol/ids.ts';
import { sameBytes } from '../protocol/same-bytes.ts';
import type { Member } from './members.ts';
import type { MeshPort } from './mesh-port.ts';
import type { ShardDirectory } from './shard-map.ts';

export interface MembershipPorts {
  readonly self: NodeId;
  readonly mesh: MeshPort;
  readonly directory: ShardDirectory;
  readonly clock: Clock;
  readonly log: Log;
}

/** A member as `/cluster` shows it; this node itself is always up. */
export interface MemberStatus {
  readonly member: Member;
  readonly isUp: boolean;
  /** How long it has been so, in milliseconds. */
  readonly forMs: number;
}

interface Peer {
  readonly member: Member;
  readonly isUp: boolean;
  readonly sinceMs: number;
}

export class Membership {
  readonly #ports: MembershipPorts;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #listeners = new Set<() => void>();
  readonly #sinceMs: number;
  #subscription: { cancel(): void } | undefined;

  constructor(ports: MembershipPorts) {
    this.#ports = ports;
    this.#sinceMs = ports.clock.mono();
    ports.mesh.onPeer((node, change) => this.#onPeer(node, change === 'up'));
  }

  /** Connects to the members known now and follows changes. */
  start(): void {
    const { directory } = this.#ports;
    this.#subscription = directory.listen({ onMembers: (members) => this.#adopt(members) });
    this.#adopt(directory.members);
  }

  stop(): void {
    this.#subscription?.cancel();
  }

  isUp(node: NodeId): boolean {
    return node === this.#ports.self || this.#peers.get(node)?.isUp === true;
  }

  /** Since less than `ms` ago, and now. */
  isNewlyUp(node: NodeId, ms: number): boolean {
    const peer = this.#peers.get(node);
    return peer?.isUp === true && this.#ports.clock.mono() - peer.sinceMs < ms;
  }

  status(): readonly MemberStatus[] {
    const { directory, clock } = this.#ports;
    const nowMs = clock.mono();
    return directory.members.map((member) => ({
      member,
      isUp: this.isUp(member.node),
      forMs: nowMs - (this.#peers.get(member.node)?.sinceMs ?? this.#sinceMs),
    }));
  }

  /** Tells when a member comes, goes, is heard or falls silent. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #adopt(members: readonly Member[]): void {
    const { self, mesh, log } = this.#ports;
    const others = new Map(members.map((member) => [member.node, member]));
    others.delete(self);
    for (const node of this.#peers.keys()) {
      if (others.has(node)) continue;
      this.#peers.delete(node);
      mesh.forget(node);
      log.event('info', 'member_left', { peer: node });
    }
    for (const member of others.values()) this.#connect(member);
    this.#tellChange();
  }

  #connect(member: Member): void {
    const { mesh, clock, log } = this.#ports;
    const known = this.#peers.get(member.node)?.member;
    if (known !== undefined && sameAddress(known, member)) return;
    this.#peers.set(member.node, { member, isUp: false, sinceMs: clock.mono() });
    const { node, meshEndpoint: endpoint, curveKey } = member;
    mesh.connect({ node, endpoint, curveKey });
    log.event('info', 'member_joined', { peer: node });
  }

  #onPeer(node: NodeId, isUp: boolean): void {
    const peer = this.#peers.get(node);
    if (peer === undefined || peer.isUp === isUp) return;
    this.#peers.set(node, { ...peer, isUp, sinceMs: this.#ports.clock.mono() });
    this.#tellChange();
  }

  #tellChange(): void {
    for (const listener of this.#listeners) listener();
  }
}

function sameAddress(left: Member, right: Member): boolean {
  return left.meshEndpoint === right.meshEndpoint && sameBytes(left.curveKey, right.curveKey);
}

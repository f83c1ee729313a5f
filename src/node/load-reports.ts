/** What nodes say of themselves in heartbeats: gathers this node's, keeps the newest of the others. */
import type { Balancer } from '../actors/balancer/actor.ts';
import { loadReport } from '../actors/balancer/messages.ts';
import type { LoadReport } from '../actors/balancer/messages.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Mesh } from '../net/mesh.ts';
import type { Clock } from '../ops/clock.ts';
import type { GateAddress } from '../protocol/account.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId } from '../protocol/ids.ts';
import { MISSED_TOLD_MAX } from '../protocol/limits.ts';
import type { ClientGate } from './gate.ts';
import type { NodePorts } from './node.ts';

export interface HeardReport {
  readonly report: LoadReport;
  readonly heardMs: number;
}

export class LoadReports {
  readonly #clock: Clock;
  readonly #heard = new Map<NodeId, HeardReport>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Feeds what the mesh hears to the balancer from now on. */
  follow(mesh: Mesh, balancer: Balancer): void {
    mesh.onHeartbeat((peer, payload) => {
      if (payload.length === 0) return;
      // The boot id is a view of the frame, and the report outlives it.
      const report = decode(loadReport, Uint8Array.from(payload));
      this.#heard.set(peer, { report, heardMs: this.#clock.mono() });
      balancer.report(peer, report);
    });
    mesh.onPeer((peer, change) => {
      if (change === 'up') return;
      this.#heard.delete(peer);
      balancer.peerLost(peer);
    });
  }

  /** The newest report of a peer that is up. */
  of(node: NodeId): HeardReport | undefined {
    return this.#heard.get(node);
  }

  isLeaving(node: NodeId): boolean {
    return this.#heard.get(node)?.report.draining === true;
  }

  /** Whether some peer says that an operator gave `node` up. */
  isForgotten(node: NodeId): boolean {
    return [...this.#heard.values()].some(({ report }) => report.forgotten.includes(node));
  }

  /** Whether some peer hears `node`. */
  isHeardElsewhere(node: NodeId): boolean {
    return [...this.#heard.values()].some(
      ({ report: { missed } }) => missed.length < MISSED_TOLD_MAX && !missed.includes(node),
    );
  }

  /** Gates of the peers that take logins. */
  gates(): readonly GateAddress[] {
    return [...this.#heard]
      .filter(([, { report }]) => !report.draining && report.gatePort > 0)
      .map(([node, { report }]) => ({ node, host: report.gateHost, port: report.gatePort }));
  }
}

/** What a node says of itself now. */
export function reportOf(node: {
  readonly ports: NodePorts;
  readonly cluster: Cluster;
  readonly mesh: Mesh;
  readonly openGate: ClientGate | undefined;
  readonly isDraining: boolean;
}): LoadReport {
  const { ports, cluster, mesh, openGate, isDraining } = node;
  const { store, bootId, utilisation, gate, clock } = ports;
  return {
    sessions: openGate?.sessions() ?? 0,
    eventLoopUtilisation: utilisation(),
    outboxFill: mesh.outboxFill(),
    // A node whose gate is not open (yet) takes no logins either.
    draining: isDraining || openGate === undefined || !cluster.isFit,
    storeFull: store.stats().full,
    forgotten: cluster.forgotten,
    missed: cluster.missed,
    bootId,
    gateHost: gate.advertisedHost,
    gatePort: openGate?.port ?? 0,
    now: clock.now(),
  };
}

export function encodeReport(report: LoadReport): Uint8Array {
  return encode(loadReport, report);
}

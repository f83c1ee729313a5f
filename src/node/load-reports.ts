/** What nodes say of themselves in heartbeats: gathers this node's, keeps the newest of the others. */
import type { Balancer } from '../actors/balancer/actor.ts';
import { loadReport } from '../actors/balancer/messages.ts';
import type { LoadReport } from '../actors/balancer/messages.ts';
import type { Mesh } from '../net/mesh.ts';
import type { Clock } from '../ops/clock.ts';
import type { GateAddress } from '../protocol/account.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId } from '../protocol/ids.ts';

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

  /** Gates of the peers that take logins. */
  gates(): readonly GateAddress[] {
    return [...this.#heard]
      .filter(([, { report }]) => !report.draining && report.gatePort > 0)
      .map(([node, { report }]) => ({ node, host: report.gateHost, port: report.gatePort }));
  }
}

export function encodeReport(report: LoadReport): Uint8Array {
  return encode(loadReport, report);
}

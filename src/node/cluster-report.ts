/** What `/cluster` and the admin routes tell of a node and of what it knows of the others. */
import type { ClusterReport, LeaseState, MemberReport, PlacementReport } from '../ops/admin-api.ts';
import type { LoadReport } from '../actors/balancer/messages.ts';
import type { NodeId } from '../protocol/ids.ts';
import type { ChatNode } from './node.ts';

function stateOf(isUp: boolean, report: LoadReport | undefined): MemberReport['state'] {
  if (!isUp) return 'silent';
  return report?.draining === true ? 'draining' : 'up';
}

function leaseOf(node: ChatNode, member: NodeId): LeaseState {
  const live = node.coordinator.live();
  if (live === undefined) return 'unknown';
  return live.has(member) ? 'held' : 'ended';
}

/** Every member as this node knows it. */
export function memberReports(node: ChatNode): readonly MemberReport[] {
  const { clock, self } = node.ports;
  const { members, owned, held } = node.cluster.status();
  const loads = new Map(node.balancer.explain().nodes.map((entry) => [entry.node, entry]));
  return members.map(({ member, isUp }) => {
    const heard = node.reports.of(member.node);
    const report = member.node === self ? node.report() : heard?.report;
    const { gateHost, gatePort } = report ?? member;
    return {
      node: member.node,
      mesh: member.meshEndpoint,
      gate: `${gateHost}:${gatePort}`,
      state: stateOf(isUp, report),
      // As the balancer sees it: what the next login is decided by.
      sessions: loads.get(member.node)?.sessions ?? 0,
      load: loads.get(member.node)?.load ?? 0,
      reportAgeMs: heard === undefined ? 0 : Math.round(clock.mono() - heard.heardMs),
      shardsOwned: owned[member.node] ?? 0,
      shardsHeld: held[member.node] ?? 0,
      lease: leaseOf(node, member.node),
    };
  });
}

export function clusterReport(
  node: ChatNode,
  settings: { readonly coordinator: string; readonly replicas: number },
): ClusterReport {
  const { map } = node.cluster.directory.view;
  const { living, wanted, ownerless } = node.cluster.status();
  return {
    node: node.ports.self,
    coordinator: settings.coordinator,
    version: map.version,
    replicas: { target: settings.replicas, effective: Math.min(...living) },
    degraded: living.some((copies) => copies < wanted),
    degradedShards: living.filter((copies) => copies < wanted).length,
    ownerlessShards: ownerless.length,
    members: memberReports(node),
    shards: map.shards.map(({ epoch, owner, replicas }) => ({ epoch, owner, replicas })),
  };
}

export function placementReport(node: ChatNode, user: string): PlacementReport {
  const { algorithm, nodes } = node.balancer.explain();
  return {
    user,
    algorithm,
    candidates: nodes.map((entry) => ({
      node: entry.node,
      sessions: entry.sessions,
      placed: entry.placed,
      utilisation: entry.utilisation,
      ageMs: Math.round(entry.ageMs),
      load: entry.load,
      weight: entry.weight,
      probability: entry.probability,
      excluded: entry.weight > 0 ? '' : (entry.leftOut ?? 'not a candidate'),
    })),
  };
}

/** What `/cluster` and the admin routes tell of a node and of what it knows of the others. */
import type {
  ClusterReport,
  MemberReport,
  PlacementReport,
  WhereReport,
} from '../ops/admin-api.ts';
import type { LoadReport } from '../actors/balancer/messages.ts';
import type { Address } from '../protocol/ids.ts';
import type { ChatNode } from './node.ts';

const REPLICAS_EFFECTIVE = 1;

function stateOf(isUp: boolean, report: LoadReport | undefined): MemberReport['state'] {
  if (!isUp) return 'silent';
  return report?.draining === true ? 'draining' : 'up';
}

function memberReports(node: ChatNode): readonly MemberReport[] {
  const { clock, self } = node.ports;
  const { members, owned } = node.cluster.status();
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
    };
  });
}

export function clusterReport(
  node: ChatNode,
  settings: { readonly coordinator: string; readonly replicas: number },
): ClusterReport {
  const { members, view } = node.cluster.directory;
  const { map } = view;
  const wanted = Math.min(settings.replicas, members.length);
  return {
    node: node.ports.self,
    coordinator: settings.coordinator,
    version: map.version,
    replicas: { target: settings.replicas, effective: REPLICAS_EFFECTIVE },
    degraded: map.shards.some(({ replicas }) => replicas.length < wanted),
    members: memberReports(node),
    shards: map.shards.map(({ epoch, owner, replicas }) => ({ epoch, owner, replicas })),
  };
}

export function whereReport(node: ChatNode, address: Address): WhereReport {
  const shard = node.shardOf(address);
  const { epoch, owner, replicas } = node.cluster.directory.assignment(shard) ?? {
    epoch: 0,
    owner: '',
    replicas: [],
  };
  return { address, shard, epoch, owner, replicas };
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

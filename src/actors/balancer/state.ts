/**
 * The balancer as a pure step: a table of what every node last said of itself, and who takes the next login.
 *
 * B1  Silent and draining nodes never take a login.
 * B2  Overloaded and store-full nodes take one only when every node that lives is one: a slow login beats a refused one.
 * B3  A login counts towards the load of its node at once, so a burst between two reports spreads.
 */
import { assertNever } from '../../protocol/errors.ts';
import type { NodeId } from '../../protocol/ids.ts';
import { BALANCER_UTILISATION_MAX, MESH_PEER_SILENT_MS } from '../../protocol/limits.ts';
import { weigh } from './algorithms.ts';
import type { Candidate } from './algorithms.ts';
import type { BalanceAlgorithm, BalancerMsg, Gate, LoadReport, PlacedEffect } from './messages.ts';
import { loadOf, pickIndex, utilisation } from './weights.ts';

/** Why a node takes no logins, or takes them only when all others are no better. */
export type LeftOut = 'silent' | 'draining' | 'store full' | 'overloaded';

/** What is known of one node. */
export interface NodeLoad {
  readonly report: LoadReport;
  /** When the report came, by the clock of `step`. */
  readonly reportedAtMs: number;
  /** Logins sent there since. */
  readonly placed: number;
}

export interface BalancerState {
  readonly self: NodeId;
  readonly algorithm: BalanceAlgorithm;
  readonly nodes: ReadonlyMap<NodeId, NodeLoad>;
  /** Where the login before went. */
  readonly last: NodeId | undefined;
}

export interface BalancerStep {
  readonly state: BalancerState;
  readonly effects: readonly PlacedEffect[];
}

/** A balancer that has heard of nobody yet, not even of its own node. */
export function initialBalancer(self: NodeId, algorithm: BalanceAlgorithm): BalancerState {
  return { self, algorithm, nodes: new Map(), last: undefined };
}

/** `now` is monotonic: only differences count. */
export function stepBalancer(state: BalancerState, msg: BalancerMsg, now: number): BalancerStep {
  switch (msg.type) {
    case 'report': {
      const load = { report: msg.report, reportedAtMs: now, placed: 0 };
      return { state: withNode(state, msg.node, load), effects: [] };
    }
    case 'peerLost': {
      const nodes = new Map(state.nodes);
      nodes.delete(msg.node);
      return { state: { ...state, nodes }, effects: [] };
    }
    case 'place':
      return place(state, msg.roll, now);
    default:
      return assertNever(msg);
  }
}

function place(state: BalancerState, roll: number, now: number): BalancerStep {
  const candidates = candidatesOf(state, now);
  const index = pickIndex(weigh(state.algorithm, candidates, state.last), roll);
  const chosen = index === undefined ? undefined : candidates[index];
  const load = chosen === undefined ? undefined : state.nodes.get(chosen.node);
  if (chosen === undefined || load === undefined)
    return { state, effects: [{ type: 'placed', gate: undefined }] };
  const bumped = withNode(state, chosen.node, { ...load, placed: load.placed + 1 });
  return {
    state: { ...bumped, last: chosen.node },
    effects: [{ type: 'placed', gate: gateOf(chosen.node, load, now) }],
  };
}

function withNode(state: BalancerState, node: NodeId, load: NodeLoad): BalancerState {
  return { ...state, nodes: new Map(state.nodes).set(node, load) };
}

function gateOf(node: NodeId, { report, reportedAtMs }: NodeLoad, now: number): Gate {
  const nowMs = Math.floor(report.now + now - reportedAtMs);
  return { node, host: report.gateHost, port: report.gatePort, bootId: report.bootId, nowMs };
}

/** Why `node` is not the first choice; undefined: nothing is wrong with it. */
export function leftOut(
  state: BalancerState,
  node: NodeId,
  load: NodeLoad,
  now: number,
): LeftOut | undefined {
  // The own node is asked right now, so it lives, whatever the age of its report.
  if (node !== state.self && now - load.reportedAtMs > MESH_PEER_SILENT_MS) return 'silent';
  if (load.report.draining) return 'draining';
  if (load.report.storeFull) return 'store full';
  if (utilisation(load.report) > BALANCER_UTILISATION_MAX) return 'overloaded';
  return undefined;
}

/** The nodes that may take the next login, sorted by name (B1, B2). */
export function candidatesOf(state: BalancerState, now: number): readonly Candidate[] {
  const healthy: Candidate[] = [];
  const strained: Candidate[] = [];
  for (const [node, load] of state.nodes) {
    const why = leftOut(state, node, load, now);
    if (why === undefined) healthy.push(candidateOf(node, load));
    else if (why === 'store full' || why === 'overloaded') strained.push(candidateOf(node, load));
  }
  const candidates = healthy.length > 0 ? healthy : strained;
  return candidates.sort((left, right) => (left.node < right.node ? -1 : 1));
}

function candidateOf(node: NodeId, { report, placed }: NodeLoad): Candidate {
  return { node, connections: report.sessions + placed, load: loadOf(report, placed) };
}

/** The load of every node that lives, whether it takes logins or not. */
export function loadsOf(state: BalancerState, now: number): ReadonlyMap<NodeId, number> {
  const loads = new Map<NodeId, number>();
  for (const [node, load] of state.nodes)
    if (leftOut(state, node, load, now) !== 'silent')
      loads.set(node, loadOf(load.report, load.placed));
  return loads;
}

/** Why the balancer decides as it does: what `admin balancer explain` prints. */
import type { NodeId } from '../../protocol/ids.ts';
import { weigh } from './algorithms.ts';
import type { BalanceAlgorithm } from './messages.ts';
import { candidatesOf, leftOut } from './state.ts';
import type { BalancerState, LeftOut } from './state.ts';
import { loadOf, probabilities, utilisation } from './weights.ts';

export interface NodeExplanation {
  readonly node: NodeId;
  readonly sessions: number;
  /** Logins sent there since its report. */
  readonly placed: number;
  readonly utilisation: number;
  readonly load: number;
  /** Before scaling; 0 for a node that is not a candidate. */
  readonly weight: number;
  /** That the next login goes there, 0 to 1. */
  readonly probability: number;
  readonly ageMs: number;
  /** Also set for a strained node that is a candidate because no other lives. */
  readonly leftOut: LeftOut | undefined;
}

export interface Explanation {
  readonly algorithm: BalanceAlgorithm;
  /** Sorted by name. */
  readonly nodes: readonly NodeExplanation[];
  /** True when every node that lives is overloaded or full, so that one of these is taken. */
  readonly strained: boolean;
}

/** The odds of the very next `place`; changes nothing. */
export function explain(state: BalancerState, now: number): Explanation {
  const candidates = candidatesOf(state, now);
  const weights = weigh(state.algorithm, candidates, state.last);
  const shares = probabilities(weights);
  const placeOf = new Map(candidates.map(({ node }, index) => [node, index]));
  const nodes = [...state.nodes].map(([node, load]): NodeExplanation => {
    const index = placeOf.get(node) ?? -1;
    return {
      node,
      sessions: load.report.sessions,
      placed: load.placed,
      utilisation: utilisation(load.report),
      load: loadOf(load.report, load.placed),
      weight: weights[index] ?? 0,
      probability: shares[index] ?? 0,
      ageMs: now - load.reportedAtMs,
      leftOut: leftOut(state, node, load, now),
    };
  });
  nodes.sort((left, right) => (left.node < right.node ? -1 : 1));
  const strained = nodes.some((node) => node.leftOut !== undefined && node.weight > 0);
  return { algorithm: state.algorithm, nodes, strained };
}

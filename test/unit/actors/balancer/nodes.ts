import type { LoadReport } from '../../../../src/actors/balancer/messages.ts';
import { initialBalancer, stepBalancer } from '../../../../src/actors/balancer/state.ts';
import type { BalancerState } from '../../../../src/actors/balancer/state.ts';
import type { BalanceAlgorithm } from '../../../../src/actors/balancer/messages.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';

export const N1 = parseNodeId('n1');
export const N2 = parseNodeId('n2');
export const N3 = parseNodeId('n3');

export function report(changes: Partial<LoadReport> = {}): LoadReport {
  return {
    sessions: 0,
    eventLoopUtilisation: 0,
    outboxFill: 0,
    draining: false,
    storeFull: false,
    forgotten: [],
    missed: [],
    bootId: new Uint8Array(16),
    gateHost: '127.0.0.1',
    gatePort: 7400,
    now: 0,
    ...changes,
  };
}

/** A balancer of n1 that heard these reports at time 0. */
export function balancer(
  reports: Readonly<Record<string, Partial<LoadReport>>>,
  algorithm: BalanceAlgorithm = 'inverse-load',
): BalancerState {
  let state = initialBalancer(N1, algorithm);
  for (const [node, changes] of Object.entries(reports))
    state = stepBalancer(
      state,
      { type: 'report', node: parseNodeId(node), report: report(changes) },
      0,
    ).state;
  return state;
}

export function placeOne(
  state: BalancerState,
  roll: number,
  now = 0,
): { readonly state: BalancerState; readonly node: NodeId | undefined } {
  const step = stepBalancer(state, { type: 'place', roll }, now);
  return { state: step.state, node: step.effects[0]?.gate?.node };
}

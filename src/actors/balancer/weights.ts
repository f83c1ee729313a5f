/** How busy a node is, as one number, and the draw that favours the idle ones. */
import { BALANCER_FREE_SHARE_MIN } from '../../protocol/limits.ts';
import type { LoadReport } from './messages.ts';

/** The share of a node's capacity in use, 0 to 1: its busiest bottleneck. */
export function utilisation(report: LoadReport): number {
  return Math.max(report.eventLoopUtilisation, report.outboxFill);
}

/** Load = (1 + sessions + logins placed since the report) / share that is free. Above 0. */
export function loadOf(report: LoadReport, placed: number): number {
  return (
    (1 + report.sessions + placed) / Math.max(BALANCER_FREE_SHARE_MIN, 1 - utilisation(report))
  );
}

/** Weights scaled to a sum of 1; all zero stays all zero. */
export function probabilities(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total > 0 ? weight / total : 0));
}

/** The index that `roll` (uniform in [0, 1)) falls on when each has its share of the line; undefined when no weight is above 0. */
export function pickIndex(weights: readonly number[], roll: number): number | undefined {
  let rest = roll * weights.reduce((sum, weight) => sum + weight, 0);
  let last: number | undefined;
  for (const [index, weight] of weights.entries()) {
    if (weight <= 0) continue;
    if (rest < weight) return index;
    rest -= weight;
    // Rounding may leave a crumb behind the last share: it belongs to the last one.
    last = index;
  }
  return last;
}

/** Evens out how many things nodes have, when each thing can only go to certain nodes. Pure. */
import type { NodeId } from '../../protocol/ids.ts';

/** One thing that can change hands. */
export interface Hop<T> {
  readonly thing: T;
  readonly from: NodeId;
  readonly to: NodeId;
}

export interface Shares<T> {
  readonly nodes: readonly NodeId[];
  count(node: NodeId): number;
  /** What `node` can give away, and to whom. */
  hopsFrom(node: NodeId): Iterable<Hop<T>>;
  move(hop: Hop<T>): void;
}

/** The nodes with the fewest things first; equals stay in the order they have. */
export function poorFirst(
  nodes: readonly NodeId[],
  count: (node: NodeId) => number,
): readonly NodeId[] {
  return nodes.toSorted((left, right) => count(left) - count(right));
}

/**
 * Moves things along shortest paths, each from one of the richest to the poorest that can be reached, until nobody can
 * reach anybody with two fewer.
 */
export function levelOut<T>(shares: Shares<T>): void {
  for (;;) {
    const ranked = poorFirst(shares.nodes, (node) => shares.count(node));
    const path = firstPath(shares, ranked);
    if (path === undefined) return;
    for (const hop of path) shares.move(hop);
  }
}

function firstPath<T>(
  shares: Shares<T>,
  ranked: readonly NodeId[],
): ReadonlyArray<Hop<T>> | undefined {
  const [poorest] = ranked;
  const fewest = poorest === undefined ? 0 : shares.count(poorest);
  for (const start of ranked.toReversed()) {
    // The rest is level with the poorest.
    if (shares.count(start) - fewest < 2) return undefined;
    const path = pathFrom(shares, start, fewest);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Breadth first; ends early at a node that has `fewest`. */
function pathFrom<T>(
  shares: Shares<T>,
  start: NodeId,
  fewest: number,
): ReadonlyArray<Hop<T>> | undefined {
  const cameBy = new Map<NodeId, Hop<T> | undefined>([[start, undefined]]);
  let best = start;
  // What is added while the keys are walked is walked, too.
  for (const from of cameBy.keys())
    for (const hop of shares.hopsFrom(from)) {
      if (cameBy.has(hop.to)) continue;
      cameBy.set(hop.to, hop);
      if (shares.count(hop.to) < shares.count(best)) best = hop.to;
      if (shares.count(best) === fewest) return pathTo(best, cameBy);
    }
  return shares.count(start) - shares.count(best) >= 2 ? pathTo(best, cameBy) : undefined;
}

function pathTo<T>(
  end: NodeId,
  cameBy: ReadonlyMap<NodeId, Hop<T> | undefined>,
): ReadonlyArray<Hop<T>> {
  const path: Array<Hop<T>> = [];
  for (let hop = cameBy.get(end); hop !== undefined; hop = cameBy.get(hop.from)) path.push(hop);
  return path;
}

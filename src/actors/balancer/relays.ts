/**
 * How a frame reaches very many nodes without the sender writing to each of them: the least loaded ones hand it on. Pure.
 */
import type { NodeId } from '../../protocol/ids.ts';
import { FAN_OUT_DIRECT_NODES_MAX } from '../../protocol/limits.ts';

/** A node that gets the frame from the sender, and the nodes that get it from that one. */
export interface Relay {
  readonly node: NodeId;
  readonly onward: readonly NodeId[];
}

/**
 * Up to FAN_OUT_DIRECT_NODES_MAX nodes get the frame directly. Of more, the least loaded ones get it and hand it on, each
 * a share of the onward frames in proportion to 1 / its load: exact over many frames, within one frame in each. A node of
 * unknown load relays only if there are no others. `roll` is uniform in [0, 1).
 */
export function planRelays(
  nodes: readonly NodeId[],
  loads: ReadonlyMap<NodeId, number>,
  roll: number,
): readonly Relay[] {
  if (nodes.length <= FAN_OUT_DIRECT_NODES_MAX) return nodes.map((node) => ({ node, onward: [] }));
  const loadOf = (node: NodeId): number => loads.get(node) ?? Infinity;
  const byLoad = [...nodes].sort((left, right) => compare(loadOf(left), loadOf(right)));
  const relays = byLoad.slice(0, FAN_OUT_DIRECT_NODES_MAX);
  const onward = byLoad.slice(FAN_OUT_DIRECT_NODES_MAX);
  const ends = shareEnds(relays.map(loadOf), onward.length, roll);
  return relays.map((node, index) => ({
    node,
    onward: onward.slice(ends[index - 1] ?? 0, ends[index]),
  }));
}

/** Where the share of each relay ends; the roll decides who gets what is left of a whole frame. */
function shareEnds(loads: readonly number[], frames: number, roll: number): readonly number[] {
  const isAnyKnown = loads.some((load) => load < Infinity);
  const weights = loads.map((load) => (isAnyKnown ? 1 / load : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  return weights.map((weight, index) => {
    reached += weight;
    const isLast = index === weights.length - 1;
    return isLast ? frames : Math.min(frames, Math.floor((reached / total) * frames + roll));
  });
}

/** Infinity minus itself is no number. */
function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}

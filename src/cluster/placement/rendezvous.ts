/** One order of nodes per shard that everybody agrees on and that treats all nodes alike (highest random weight). Pure. */
import type { NodeId, ShardId } from '../../protocol/ids.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a, then the mixing of MurmurHash3, because names that differ in their last character only must not come out alike. */
function weightOf(shard: ShardId, node: NodeId): number {
  let hash = FNV_OFFSET;
  for (const character of `${shard}/${node}`)
    hash = Math.imul(hash ^ character.charCodeAt(0), FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The nodes, the first choice for this shard first. */
export function inOrderOf(shard: ShardId, nodes: readonly NodeId[]): readonly NodeId[] {
  const weights = new Map(nodes.map((node) => [node, weightOf(shard, node)]));
  const weight = (node: NodeId): number => weights.get(node) ?? 0;
  return nodes.toSorted((left, right) => weight(right) - weight(left) || (left < right ? -1 : 1));
}

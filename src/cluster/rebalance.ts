/** Which shards should move where, so that every node owns as many as any other, give or take one. Pure. */
import type { NodeId, ShardId } from '../protocol/ids.ts';
import type { ShardAssignment } from './members.ts';
import { allShards } from './shards.ts';

export interface Move {
  readonly shard: ShardId;
  readonly from: NodeId;
  readonly to: NodeId;
}

export interface RebalanceInput {
  readonly shards: readonly ShardAssignment[];
  /** Nodes that may own shards: members that are alive and not leaving. */
  readonly targets: readonly NodeId[];
  /** Nodes that hand everything over. Shards of nodes in neither list stay: nobody there can hand them over. */
  readonly leaving?: readonly NodeId[];
}

/** The assignments of a new cluster: all to its first member, in epoch 1. */
export function freshShards(owner: NodeId, shards: number): readonly ShardAssignment[] {
  return allShards(shards).map(() => ({ epoch: 1, owner, replicas: [owner] }));
}

interface Holding {
  readonly node: NodeId;
  readonly shards: readonly ShardId[];
  /** How many it should own. */
  readonly quota: number;
}

/**
 * The smallest list of moves after which targets own equally many shards (the difference is at most one) and leaving
 * nodes none. Every node computes the same list from the same map and carries out only the moves `from` itself.
 */
export function planMoves(input: RebalanceInput): readonly Move[] {
  const targets = [...new Set(input.targets)].toSorted();
  if (targets.length === 0) return [];
  const leaving = (input.leaving ?? []).filter((node) => !targets.includes(node));
  const holdings = withQuotas(targets, leaving, ownedBy(input.shards));
  const surplus = holdings.flatMap(({ node, shards, quota }) =>
    shards.slice(quota).map((shard) => ({ shard, from: node })),
  );
  const room = roundRobin(
    holdings.map(({ node, shards, quota }) => ({
      node,
      count: Math.max(0, quota - shards.length),
    })),
  );
  return surplus.flatMap(({ shard, from }, index) => {
    const to = room[index];
    return to === undefined ? [] : [{ shard, from, to }];
  });
}

function ownedBy(shards: readonly ShardAssignment[]): Map<NodeId, ShardId[]> {
  const owned = new Map<NodeId, ShardId[]>();
  for (const [index, { owner }] of shards.entries()) {
    const list = owned.get(owner) ?? [];
    list.push(index as ShardId);
    owned.set(owner, list);
  }
  return owned;
}

function withQuotas(
  targets: readonly NodeId[],
  leaving: readonly NodeId[],
  owned: ReadonlyMap<NodeId, readonly ShardId[]>,
): readonly Holding[] {
  const countOf = (node: NodeId): number => owned.get(node)?.length ?? 0;
  const total = [...targets, ...leaving].reduce((sum, node) => sum + countOf(node), 0);
  const floor = Math.floor(total / targets.length);
  const richer = total % targets.length;
  // Whoever has most keeps the odd shards: any other choice moves more.
  const ranked = targets.toSorted((left, right) => countOf(right) - countOf(left));
  const holding = (node: NodeId, quota: number): Holding => ({
    node,
    shards: owned.get(node) ?? [],
    quota,
  });
  return [
    ...ranked.map((node, rank) => holding(node, rank < richer ? floor + 1 : floor)),
    ...leaving.toSorted().map((node) => holding(node, 0)),
  ];
}

/** Each node as often as it has room, in turns, so that several learners work at the same time. */
function roundRobin(
  rooms: ReadonlyArray<{ readonly node: NodeId; readonly count: number }>,
): readonly NodeId[] {
  const most = Math.max(0, ...rooms.map(({ count }) => count));
  return Array.from({ length: most }, (_, turn) =>
    rooms.filter(({ count }) => turn < count).map(({ node }) => node),
  ).flat();
}

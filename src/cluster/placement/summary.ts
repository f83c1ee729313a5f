/** What an operator wants to know of a shard map at a glance. Pure. */
import type { ShardId } from '../../protocol/ids.ts';
import { isDead, standingOf } from './standing.ts';
import type { PlacementInput } from './standing.ts';

export interface PlacementSummary {
  /** Shards by owner. */
  readonly owned: Readonly<Record<string, number>>;
  /** Shards by node that has a copy. */
  readonly held: Readonly<Record<string, number>>;
  /** Copies that every shard should have, as far as there are members. */
  readonly wanted: number;
  /** By shard: copies on nodes that are not dead. */
  readonly living: readonly number[];
  /** Shards whose owner is dead. */
  readonly ownerless: readonly ShardId[];
}

export function summarise({ shards, replicas, standings }: PlacementInput): PlacementSummary {
  const owned: Record<string, number> = {};
  const held: Record<string, number> = {};
  const isAlive = (node: Parameters<typeof standingOf>[1]): boolean =>
    !isDead(standingOf(standings, node));
  for (const { owner, replicas: copies } of shards) {
    owned[owner] = (owned[owner] ?? 0) + 1;
    for (const node of copies) held[node] = (held[node] ?? 0) + 1;
  }
  return {
    owned,
    held,
    wanted: Math.min(replicas, standings.size),
    living: shards.map(({ replicas: copies }) => copies.filter(isAlive).length),
    ownerless: shards.flatMap(({ owner }, shard) => (isAlive(owner) ? [] : [shard as ShardId])),
  };
}

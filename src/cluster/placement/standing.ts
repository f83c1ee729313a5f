/** What the planner knows of each node: whether it may be given copies, and what becomes of those it has. */
import type { NodeId } from '../../protocol/ids.ts';
import type { ShardAssignment } from '../members.ts';

/**
 * - `fit`: it lives and stays; it may hold and own.
 * - `leaving`: it lives and drains; it owns nothing in the end, and keeps copies only where the others do without it.
 * - `away`: nobody is sure; it keeps what it has and is given nothing.
 * - `dead`: its lease has ended; its copies wait for it, except in a set of two, which cannot write without it.
 * - `lost`: dead for so long that its copies are made anew where another node can take its place.
 * - `forgotten`: dead, and an operator said that it does not come back.
 */
export type Standing = 'fit' | 'leaving' | 'away' | 'dead' | 'lost' | 'forgotten';

/** Nodes that are in no map are forgotten: no member, no place. */
export type Standings = ReadonlyMap<NodeId, Standing>;

export interface PlacementInput {
  readonly shards: readonly ShardAssignment[];
  /** Copies that every shard should have, as far as there are nodes. */
  readonly replicas: number;
  readonly standings: Standings;
}

export function standingOf(standings: Standings, node: NodeId): Standing {
  return standings.get(node) ?? 'forgotten';
}

/** Its copies answer nobody. */
export function isDead(standing: Standing): boolean {
  return standing === 'dead' || standing === 'lost' || standing === 'forgotten';
}

/** It can carry out steps for the shards it owns. */
export function canAct(standing: Standing): boolean {
  return standing === 'fit' || standing === 'leaving';
}

/** How many of `size` replicas have to take a write: 1 of 1, 2 of 2, 2 of 3, 3 of 4. */
export function majorityOf(size: number): number {
  return Math.floor(size / 2) + 1;
}

/** The nodes of one standing, sorted, so that every planner sees them in one order. */
export function nodesThatAre(standings: Standings, standing: Standing): readonly NodeId[] {
  return [...standings]
    .filter(([, is]) => is === standing)
    .map(([node]) => node)
    .toSorted();
}

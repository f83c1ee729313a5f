/**
 * What a node makes of whom it hears: whether it stands in the way of the others, and when it no longer does. Pure.
 *
 * A node that reaches the coordinator keeps its lease, and with it shards that it cannot serve while it does not hear the
 * replicas. It has to step aside by itself: nobody takes a shard over from an owner that lives.
 */
import type { NodeId } from '../protocol/ids.ts';
import type { ShardAssignment } from './members.ts';
import { fenceQuorumOf, majorityOf } from './replication/quorum.ts';

export interface Surroundings {
  readonly self: NodeId;
  readonly members: readonly NodeId[];
  /** This node and the members that it hears, and that hear it. */
  readonly heard: ReadonlySet<NodeId>;
  /** Whether one of those who are heard hears `node`. */
  readonly isHeardElsewhere: (node: NodeId) => boolean;
  /** Members with a lease; undefined: the coordinator does not tell. */
  readonly live: ReadonlySet<NodeId> | undefined;
  readonly shards: readonly ShardAssignment[];
}

/**
 * `minority`: the others are more, and something here waits for them. `split`: most are heard, but not somebody whom others
 * hear and whose name comes first: of two nodes that do not hear each other one is enough to leave.
 */
export type Judgement = 'stay' | 'minority' | 'split';

export function judge(surroundings: Surroundings): Judgement {
  const { self, live, isHeardElsewhere } = surroundings;
  const missed = missedOf(surroundings);
  if (missed.length === 0) return 'stay';
  if (isMinority(surroundings)) return isHindered(surroundings) ? 'minority' : 'stay';
  const isSplit = missed.some((node) => node < self && isHeardElsewhere(node));
  return live !== undefined && isSplit ? 'split' : 'stay';
}

/** Whether a node that stepped aside is of use again. */
export function mayReturn(surroundings: Surroundings): boolean {
  const { live, shards, heard } = surroundings;
  if (live === undefined) return !isMinority(surroundings);
  if (missedOf(surroundings).length > 0) return false;
  // Whoever is neither heard nor alive can be replaced, where enough of the copies are here.
  return shards.some(({ replicas }) => countIn(heard, replicas) >= fenceQuorumOf(replicas.length));
}

/**
 * Whether others serve what this node does not: they have taken over some of the `owned` shards that it had when it stepped
 * aside, which takes a majority; of one that had none, who lives will do. Unknown counts as yes.
 */
export function hasOthers({ self, live, shards }: Surroundings, owned: number): boolean {
  if (live === undefined) return true;
  if (owned > 0) return ownedBy(self, shards) < owned;
  return [...live].some((node) => node !== self);
}

export function ownedBy(node: NodeId, shards: readonly ShardAssignment[]): number {
  return shards.filter(({ owner }) => owner === node).length;
}

/** Who lives as far as anybody knows, and is not heard. */
function missedOf({ live, members, heard }: Surroundings): readonly NodeId[] {
  return members.filter((node) => !heard.has(node) && (live?.has(node) ?? true));
}

/** Fewer than half of those who live are here; of two equal halves it is the one without the first name. */
function isMinority(surroundings: Surroundings): boolean {
  const { heard, members } = surroundings;
  const missed = missedOf(surroundings);
  const here = members.filter((node) => heard.has(node));
  if (here.length !== missed.length) return here.length < missed.length;
  const [first] = [...here, ...missed].sort();
  return first !== undefined && !heard.has(first);
}

/** Something that this node owns waits for others, who could take it over; or nothing at all is served to its sessions. */
function isHindered({ self, shards, heard }: Surroundings): boolean {
  const isServed = ({ owner, replicas }: ShardAssignment): boolean =>
    heard.has(owner) && countIn(heard, replicas) >= majorityOf(replicas.length);
  return shards.some((shard) => shard.owner === self && !isServed(shard)) || !shards.some(isServed);
}

function countIn(set: ReadonlySet<NodeId>, nodes: readonly NodeId[]): number {
  return nodes.filter((node) => set.has(node)).length;
}

/**
 * Which of its replicas should own each shard, so that every fit node owns as many as any other, give or take one. Pure.
 *
 * With even replica sets such a choice exists: a shard owned in equal parts by its replicas would load every node
 * equally, and a flow with such bounds has a solution in whole numbers. It is found by shifting along shortest paths.
 */
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { levelOut, poorFirst } from './level.ts';
import type { Hop, Shares } from './level.ts';
import { canAct, nodesThatAre, standingOf } from './standing.ts';
import type { PlacementInput } from './standing.ts';

/** By shard number: who should own it. `sets` are the replicas that it should have. */
export function wantedOwners(
  input: PlacementInput,
  sets: ReadonlyArray<readonly NodeId[]>,
): readonly NodeId[] {
  const choice = new Choice(input, sets);
  choice.start();
  levelOut(choice);
  return choice.owners;
}

class Choice implements Shares<ShardId> {
  readonly owners: NodeId[];
  readonly #input: PlacementInput;
  readonly nodes: readonly NodeId[];
  /** By shard: the nodes to choose from; none when its owner cannot hand it over. */
  readonly #eligible: ReadonlyArray<readonly NodeId[]>;
  readonly #owned: ReadonlyMap<NodeId, Set<ShardId>>;

  constructor(input: PlacementInput, sets: ReadonlyArray<readonly NodeId[]>) {
    const { shards, standings } = input;
    this.#input = input;
    this.nodes = nodesThatAre(standings, 'fit');
    this.owners = shards.map(({ owner }) => owner);
    this.#eligible = shards.map(({ owner }, shard) =>
      canAct(standingOf(standings, owner))
        ? (sets[shard] ?? []).filter((node) => standingOf(standings, node) === 'fit')
        : [],
    );
    this.#owned = new Map(this.nodes.map((node) => [node, new Set()]));
  }

  /** Owners stay where they can; the others' shards go to whoever owns least, rather to one that has a copy already. */
  start(): void {
    const homeless: ShardId[] = [];
    for (const [shard, owner] of this.owners.entries())
      if (this.#eligible[shard]?.includes(owner) === true)
        this.#owned.get(owner)?.add(shard as ShardId);
      else homeless.push(shard as ShardId);
    for (const shard of homeless) {
      const eligible = this.#eligible[shard] ?? [];
      const now = this.#input.shards[shard]?.replicas ?? [];
      const ready = eligible.filter((node) => now.includes(node));
      const candidates = ready.length > 0 ? ready : eligible;
      const [to] = poorFirst(candidates, (node) => this.count(node));
      const from = this.owners[shard];
      if (to !== undefined && from !== undefined) this.move({ thing: shard, from, to });
    }
  }

  count(node: NodeId): number {
    return this.#owned.get(node)?.size ?? 0;
  }

  *hopsFrom(from: NodeId): Iterable<Hop<ShardId>> {
    for (const shard of this.#owned.get(from) ?? [])
      for (const to of this.#eligible[shard] ?? []) yield { thing: shard, from, to };
  }

  move({ thing, to }: Hop<ShardId>): void {
    const from = this.owners[thing];
    if (from !== undefined) this.#owned.get(from)?.delete(thing);
    this.owners[thing] = to;
    this.#owned.get(to)?.add(thing);
  }
}

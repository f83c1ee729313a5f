/**
 * Which nodes should hold each shard: as many copies as wanted and possible, evenly spread, with as few new copies as
 * that takes. Pure; every node computes the same from the same map.
 */
import type { NodeId } from '../../protocol/ids.ts';
import type { ShardAssignment } from '../members.ts';
import { levelOut, poorFirst } from './level.ts';
import type { Hop } from './level.ts';
import { canAct, isDead, majorityOf, nodesThatAre, standingOf } from './standing.ts';
import type { PlacementInput, Standing, Standings } from './standing.ts';

/** The set that is being made for one shard. */
interface Draft {
  readonly now: ShardAssignment;
  /** Fit members. */
  readonly fit: Set<NodeId>;
  /** Members that are not fit and keep their place. */
  readonly kept: readonly NodeId[];
  /** Members that keep their place as long as nobody can take it. */
  readonly waiting: readonly NodeId[];
  /** Its owner can change the set. */
  readonly isMovable: boolean;
  /** No member is dead. Only such sets are changed for evenness' sake: the others have worries enough. */
  readonly isSound: boolean;
}

/** By shard number: who should hold it. A shard whose owner cannot act keeps its set. */
export function wantedSets(input: PlacementInput): ReadonlyArray<readonly NodeId[]> {
  const spread = new Spread(input);
  spread.fill();
  spread.trim();
  spread.level();
  return spread.sets();
}

class Spread {
  readonly #replicas: number;
  readonly #fit: readonly NodeId[];
  readonly #drafts: readonly Draft[];
  /** What each fit node holds; what it owns comes last, because moving it makes a transfer necessary, too. */
  readonly #held: ReadonlyMap<NodeId, Set<Draft>>;

  constructor({ shards, replicas, standings }: PlacementInput) {
    this.#replicas = replicas;
    this.#fit = nodesThatAre(standings, 'fit');
    this.#drafts = shards.map((now) => draftOf(now, standings));
    this.#held = new Map(this.#fit.map((node) => [node, new Set()]));
    for (const draft of this.#drafts)
      for (const node of draft.fit) if (node !== draft.now.owner) this.#held.get(node)?.add(draft);
    for (const draft of this.#drafts) this.#held.get(draft.now.owner)?.add(draft);
  }

  /** Gives every shard the copies it lacks, the shard with the fewest first, each to whoever holds least. */
  fill(): void {
    const poorest = this.#drafts
      .filter(({ isMovable }) => isMovable)
      .toSorted((left, right) => left.fit.size - right.fit.size);
    for (const draft of poorest)
      while (draft.fit.size === 0 || draft.fit.size + draft.kept.length < this.#replicas) {
        const [node] = poorFirst(this.#lacking(draft), (each) => this.#count(each));
        if (node === undefined) break;
        this.#give(draft, node);
      }
  }

  /** Takes copies beyond the wanted number from whoever holds most; from an owner only when it holds more than the rest. */
  trim(): void {
    for (const draft of this.#drafts)
      while (draft.isMovable && draft.fit.size > this.#replicas) {
        const { owner } = draft.now;
        const others = [...draft.fit].filter((node) => node !== owner).toSorted();
        const ranked = draft.fit.has(owner) ? [owner, ...others] : others;
        const richest = poorFirst(ranked, (node) => this.#count(node)).at(-1);
        if (richest === undefined) break;
        this.#take(draft, richest);
      }
  }

  /** Evens the counts out, as far as possible by keeping one copy in the place of another, then by new copies. */
  level(): void {
    const nodes = this.#fit;
    const count = (node: NodeId): number => this.#count(node);
    const move = ({ thing, from, to }: Hop<Draft>): void => {
      this.#take(thing, from);
      this.#give(thing, to);
    };
    levelOut({ nodes, count, move, hopsFrom: (from) => this.#choices(from) });
    levelOut({ nodes, count, move, hopsFrom: (from) => this.#copies(from) });
  }

  sets(): ReadonlyArray<readonly NodeId[]> {
    return this.#drafts.map((draft) => (draft.isMovable ? this.#setOf(draft) : draft.now.replicas));
  }

  /** Who else has a copy already and could keep it instead. */
  *#choices(from: NodeId): Iterable<Hop<Draft>> {
    for (const thing of this.#held.get(from) ?? []) {
      const holders = thing.isMovable ? thing.now.replicas : [];
      const spare = holders.filter((node) => this.#held.has(node) && !thing.fit.has(node));
      for (const to of spare) yield { thing, from, to };
    }
  }

  /** Who could get a copy in the place of `from`. */
  *#copies(from: NodeId): Iterable<Hop<Draft>> {
    for (const thing of this.#held.get(from) ?? []) {
      const isWhole = thing.isMovable && thing.isSound && thing.fit.size >= this.#replicas;
      const receivers = isWhole ? this.#lacking(thing) : [];
      const ranked = poorFirst(receivers, (node) => this.#count(node));
      for (const to of ranked) yield { thing, from, to };
    }
  }

  #lacking({ fit }: Draft): readonly NodeId[] {
    return this.#fit.filter((node) => !fit.has(node));
  }

  #setOf({ now, fit, kept, waiting }: Draft): readonly NodeId[] {
    const room = Math.max(0, this.#replicas - fit.size);
    const set = [...fit, ...[...kept, ...waiting].slice(0, room)];
    return set.length === 0 ? now.replicas : set.toSorted();
  }

  #give(draft: Draft, node: NodeId): void {
    draft.fit.add(node);
    this.#held.get(node)?.add(draft);
  }

  #take(draft: Draft, node: NodeId): void {
    draft.fit.delete(node);
    this.#held.get(node)?.delete(draft);
  }

  #count(node: NodeId): number {
    return this.#held.get(node)?.size ?? 0;
  }
}

function draftOf(now: ShardAssignment, standings: Standings): Draft {
  const are = (standing: Standing): readonly NodeId[] =>
    now.replicas.filter((node) => standingOf(standings, node) === standing);
  const away = are('away');
  // A node that drains keeps its copy where the others are a majority without it, so that a restart costs no copying.
  // Where they are not, nobody can be waited for: the set could not write.
  const doesWithout = are('fit').length + away.length >= majorityOf(now.replicas.length);
  return {
    now,
    fit: new Set(are('fit')),
    kept: doesWithout ? [...away, ...are('leaving'), ...are('dead')] : away,
    waiting: doesWithout ? are('lost') : [],
    isMovable: canAct(standingOf(standings, now.owner)),
    isSound: !now.replicas.some((node) => isDead(standingOf(standings, node))),
  };
}

/**
 * What has to be done next so that every shard has its copies on the right nodes and every node owns its share. Pure;
 * every node computes the same list from the same map and carries out the steps of the shards that it owns.
 *
 * P1  A copy is added before one is taken away: no living copy goes while fewer than the wanted number would stay.
 * P2  A set grows by one member at a time, and to at most one more than wanted.
 * P3  Every step leaves the owner one of the replicas.
 * P4  Carried out in whatever order, from whatever map, the steps come to an end, and then all is even.
 */
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { allShards } from '../shards.ts';
import { wantedOwners } from './owners.ts';
import { wantedSets } from './replica-sets.ts';
import { canAct, isDead, standingOf } from './standing.ts';
import type { PlacementInput, Standings } from './standing.ts';

/** Why a step is planned; what comes first is done first. */
const REASONS = ['repair', 'drain', 'even'] as const;
export type StepReason = (typeof REASONS)[number];

export type StepKind = 'add' | 'remove' | 'transfer';

/** One change of one shard's assignment, to be made by its owner. */
export interface PlacementStep {
  readonly shard: ShardId;
  readonly kind: StepKind;
  /** Who gets or gives up a copy, or becomes the owner. */
  readonly node: NodeId;
  /** Who carries it out. */
  readonly owner: NodeId;
  readonly reason: StepReason;
}

/** A shard as it is and as it should be. */
interface Situation {
  readonly shard: ShardId;
  readonly owner: NodeId;
  readonly now: readonly NodeId[];
  readonly wanted: readonly NodeId[];
  readonly wantedOwner: NodeId;
  readonly standings: Standings;
  readonly replicas: number;
}

/** The next step of every shard that needs one, the most urgent first. Empty: all is as it should be. */
export function planPlacement(input: PlacementInput): readonly PlacementStep[] {
  const { shards, standings, replicas } = input;
  const sets = wantedSets(input);
  const owners = wantedOwners(input, sets);
  const steps = allShards(shards.length).flatMap((shard) => {
    const { owner, replicas: now } = shards[shard] ?? { owner: undefined, replicas: [] };
    if (owner === undefined || !canAct(standingOf(standings, owner))) return [];
    const [wanted = now, wantedOwner = owner] = [sets[shard], owners[shard]];
    const step = nextStep({ shard, owner, now, wanted, wantedOwner, standings, replicas });
    return step === undefined ? [] : [step];
  });
  const rank = ({ reason }: PlacementStep): number => REASONS.indexOf(reason);
  return steps.toSorted((left, right) => rank(left) - rank(right));
}

function nextStep(situation: Situation): PlacementStep | undefined {
  const { owner, now, wanted, wantedOwner, standings, replicas } = situation;
  const missing = wanted.filter((node) => !now.includes(node));
  const surplus = now.filter((node) => !wanted.includes(node) && node !== owner);
  const dead = surplus.find((node) => isDead(standingOf(standings, node)));
  // A set of two cannot write without its second member; and where nobody replaces a dead one, it is only in the way.
  if (dead !== undefined && (now.length === 2 || missing.length === 0))
    return step(situation, 'remove', dead);
  const canTransfer = wantedOwner !== owner && now.includes(wantedOwner);
  const isLeaving = standingOf(standings, owner) === 'leaving';
  if (canTransfer && isLeaving) return step(situation, 'transfer', wantedOwner);
  const [first] = missing.toSorted((left) => (left === wantedOwner ? -1 : 1));
  if (first !== undefined && now.length <= replicas) return step(situation, 'add', first);
  if (canTransfer) return step(situation, 'transfer', wantedOwner);
  const gone = dead ?? surplus[0];
  return gone === undefined ? undefined : step(situation, 'remove', gone);
}

function step(situation: Situation, kind: StepKind, node: NodeId): PlacementStep {
  const { shard, owner } = situation;
  return { shard, kind, node, owner, reason: reasonOf(situation, kind, node) };
}

function reasonOf(
  { owner, now, standings, replicas }: Situation,
  kind: StepKind,
  node: NodeId,
): StepReason {
  const living = now.filter((each) => !isDead(standingOf(standings, each)));
  if (kind === 'add' && living.length < replicas) return 'repair';
  if (kind === 'remove' && isDead(standingOf(standings, node))) return 'repair';
  const isLeaving = [owner, ...now].some((each) => standingOf(standings, each) === 'leaving');
  return isLeaving ? 'drain' : 'even';
}

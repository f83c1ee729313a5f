import { expect } from 'chai';
import fc from 'fast-check';
import type { ShardAssignment } from '../../../../src/cluster/members.ts';
import { planPlacement } from '../../../../src/cluster/placement/plan.ts';
import type { PlacementStep } from '../../../../src/cluster/placement/plan.ts';
import { isDead, standingOf } from '../../../../src/cluster/placement/standing.ts';
import type { PlacementInput, Standing } from '../../../../src/cluster/placement/standing.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'].map(parseNodeId);

type Shards = readonly ShardAssignment[];

/** A map of which every shard belongs to the first of the nodes named. */
function held(count: number, ...replicas: string[]): Shards {
  const nodes = replicas.map(parseNodeId);
  return Array.from({ length: count }, () => ({
    epoch: 1,
    owner: nodes[0] as NodeId,
    replicas: nodes,
  }));
}

function standings(are: Readonly<Record<string, Standing>>): ReadonlyMap<NodeId, Standing> {
  return new Map(Object.entries(are).map(([node, standing]) => [parseNodeId(node), standing]));
}

const fit = (...nodes: string[]): ReadonlyMap<NodeId, Standing> =>
  standings(Object.fromEntries(nodes.map((node) => [node, 'fit'])));

const assignment = fc
  .shuffledSubarray([...NODES], { minLength: 1, maxLength: 4 })
  .map((replicas): ShardAssignment => ({ epoch: 1, owner: replicas[0] as NodeId, replicas }));

const standing: fc.Arbitrary<Standing> = fc.constantFrom(
  'fit',
  'fit',
  'fit',
  'leaving',
  'away',
  'dead',
  'lost',
  'forgotten',
);

/** Any map of up to 40 shards over six nodes in any state, of which at least one is fit. */
const situation: fc.Arbitrary<PlacementInput> = fc
  .record({
    shards: fc.array(assignment, { maxLength: 40 }),
    replicas: fc.integer({ min: 1, max: 3 }),
    are: fc.array(standing, { minLength: 5, maxLength: 5 }),
  })
  .map(({ shards, replicas, are }) => ({
    shards,
    replicas,
    standings: new Map(NODES.map((node, index) => [node, are[index - 1] ?? 'fit'])),
  }));

/** The same, with nobody ill. */
const healthy: fc.Arbitrary<PlacementInput> = fc
  .record({
    shards: fc.array(assignment, { minLength: 1, maxLength: 40 }),
    replicas: fc.integer({ min: 1, max: 3 }),
    nodes: fc.subarray([...NODES], { minLength: 1 }),
  })
  .map(({ shards, replicas, nodes }) => ({
    shards: shards.map(({ replicas: all }) => {
      const some = all.filter((node) => nodes.includes(node));
      const kept = some.length > 0 ? some : [nodes[0] as NodeId];
      return { epoch: 1, owner: kept[0] as NodeId, replicas: kept };
    }),
    replicas,
    standings: new Map(nodes.map((node) => [node, 'fit'])),
  }));

function afterStep(shards: Shards, { shard, kind, node, owner }: PlacementStep): Shards {
  const now = shards[shard] as ShardAssignment;
  expect(now.owner, 'who carries it out').to.equal(owner);
  const { epoch, replicas } = now;
  const next = { epoch: epoch + 1, owner, replicas };
  if (kind === 'add') {
    expect(replicas).not.to.include(node);
    return shards.with(shard, { ...next, replicas: [...replicas, node] });
  }
  expect(replicas).to.include(node);
  if (kind === 'transfer') return shards.with(shard, { ...next, owner: node });
  expect(node, 'an owner is never taken out').not.to.equal(owner);
  return shards.with(shard, { ...next, replicas: replicas.filter((each) => each !== node) });
}

/** Carries out any part of each plan in any order until there is nothing left to do. */
function carryOut(
  input: PlacementInput,
  roll: () => number,
  check: (step: PlacementStep, shards: Shards) => void = () => undefined,
): { readonly shards: Shards; readonly steps: readonly PlacementStep[] } {
  const done: PlacementStep[] = [];
  let { shards } = input;
  for (let round = 0; round < 400; round += 1) {
    const plan = planPlacement({ ...input, shards });
    if (plan.length === 0) return { shards, steps: done };
    const lucky = plan.filter(() => roll() < 0.5);
    for (const step of lucky.length > 0 ? lucky : plan.slice(0, 1)) {
      check(step, shards);
      shards = afterStep(shards, step);
      done.push(step);
    }
  }
  throw new Error('the plan has no end');
}

function counts(
  shards: Shards,
  of: (each: ShardAssignment) => readonly NodeId[],
  nodes: readonly NodeId[],
) {
  return nodes.map((node) => shards.filter((each) => of(each).includes(node)).length);
}

const spreadOf = (numbers: readonly number[]): number =>
  Math.max(...numbers) - Math.min(...numbers);

/** A seeded source of chance for one property run. */
const chance = fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true }));
const rolls = (stream: Iterator<number>) => (): number => Number(stream.next().value);

describe('planPlacement', () => {
  it('comes to an end with owners and copies even, whatever part of it is carried out in whatever order', () => {
    fc.assert(
      fc.property(healthy, chance, (input, stream) => {
        const { shards } = carryOut(input, rolls(stream));
        const nodes = [...input.standings.keys()];
        const wanted = Math.min(input.replicas, nodes.length);
        for (const { replicas, owner } of shards) {
          expect(new Set(replicas)).to.have.property('size', wanted);
          expect(replicas).to.have.length(wanted).and.include(owner);
        }
        expect(spreadOf(counts(shards, ({ owner }) => [owner], nodes)), 'owned').to.be.at.most(1);
        expect(spreadOf(counts(shards, ({ replicas }) => replicas, nodes)), 'held').to.be.at.most(
          1,
        );
      }),
    );
  });

  it('comes to an end whoever drains, is silent, dead or forgotten', () => {
    fc.assert(
      fc.property(situation, chance, (input, stream) => {
        const { shards } = carryOut(input, rolls(stream));
        for (const { owner, replicas } of shards) {
          const is = (node: NodeId): Standing => standingOf(input.standings, node);
          if (is(owner) === 'leaving') throw new Error('a draining node owns a shard');
          if (is(owner) !== 'fit') continue;
          expect(replicas.map(is), 'forgotten nodes hold nothing').not.to.include('forgotten');
          if (replicas.length === 2)
            expect(replicas.some((node) => isDead(is(node)))).to.equal(false);
        }
      }),
    );
  });

  it('takes no living copy away while fewer than the wanted number would stay', () => {
    fc.assert(
      fc.property(situation, chance, (input, stream) => {
        const is = (node: NodeId): Standing => standingOf(input.standings, node);
        const possible = [...input.standings.values()].filter((each) => each === 'fit').length;
        carryOut(input, rolls(stream), (step, shards) => {
          const { replicas } = shards[step.shard] as ShardAssignment;
          expect(replicas.length, 'size of a set').to.be.at.most(4);
          if (step.kind === 'add') expect(replicas.length).to.be.at.most(input.replicas);
          if (step.kind !== 'remove' || isDead(is(step.node))) return;
          const left = replicas.filter((node) => node !== step.node && !isDead(is(node)));
          expect(left.length).to.be.at.least(Math.min(input.replicas, possible));
        });
      }),
    );
  });

  it('makes a node that joins the only one to get copies, and no more than its share', () => {
    fc.assert(
      fc.property(healthy, chance, (input, stream) => {
        fc.pre(!input.standings.has(parseNodeId('n6')));
        const before = carryOut(input, rolls(stream)).shards;
        const joined = new Map(input.standings).set(parseNodeId('n6'), 'fit');
        const { shards, steps } = carryOut(
          { ...input, standings: joined, shards: before },
          rolls(stream),
        );
        const adds = steps.filter(({ kind }) => kind === 'add');
        expect(adds.filter(({ node }) => node !== 'n6')).to.deep.equal([]);
        const copies = shards.reduce((sum, { replicas }) => sum + replicas.length, 0);
        expect(adds.length).to.be.at.most(Math.ceil(copies / joined.size));
      }),
    );
  });

  it('copies only what the one that goes for good has held', () => {
    fc.assert(
      fc.property(healthy, chance, (input, stream) => {
        fc.pre(input.standings.size > 1);
        const before = carryOut(input, rolls(stream)).shards;
        const gone = [...input.standings.keys()][0] as NodeId;
        fc.pre(before.every(({ owner }) => owner !== gone));
        const left = new Map(input.standings).set(gone, 'forgotten');
        const { steps } = carryOut({ ...input, standings: left, shards: before }, rolls(stream));
        const hadHeld = before.filter(({ replicas }) => replicas.includes(gone)).length;
        expect(steps.filter(({ kind }) => kind === 'add').length).to.be.at.most(hadHeld + 1);
      }),
    );
  });

  it('is the same whatever order the members come in', () => {
    fc.assert(
      fc.property(situation, (input) => {
        const reversed = new Map([...input.standings].toReversed());
        expect(planPlacement({ ...input, standings: reversed })).to.deep.equal(
          planPlacement(input),
        );
      }),
    );
  });

  it('replicates a fresh map: a copy for every shard before anything is moved', () => {
    const plan = planPlacement({
      shards: held(8, 'n1'),
      replicas: 3,
      standings: fit('n1', 'n2', 'n3'),
    });
    expect(plan.map(({ kind, reason }) => `${kind} ${reason}`)).to.deep.equal(
      Array.from({ length: 8 }, () => 'add repair'),
    );
  });

  it('hands a shard with one replica over in three steps', () => {
    const input = {
      shards: held(1, 'n1'),
      replicas: 1,
      standings: standings({ n1: 'leaving', n2: 'fit' }),
    };
    const { steps } = carryOut(input, () => 0);
    expect(steps.map(({ kind, node, owner }) => `${owner}: ${kind} ${node}`)).to.deep.equal([
      'n1: add n2',
      'n1: transfer n2',
      'n2: remove n1',
    ]);
  });

  it('lets a draining node keep its copy where the others do without it', () => {
    const input = {
      shards: held(2, 'n1', 'n2', 'n3'),
      replicas: 3,
      standings: standings({ n1: 'leaving', n2: 'fit', n3: 'fit', n4: 'fit' }),
    };
    const { steps, shards } = carryOut(input, () => 0);
    expect(steps.map(({ kind, node }) => `${kind} ${node}`)).to.deep.equal([
      'transfer n2',
      'transfer n3',
    ]);
    expect(shards.every(({ replicas }) => replicas.length === 3)).to.equal(true);
  });

  it('replaces a draining node in a set of two before it goes', () => {
    const input = {
      shards: held(1, 'n1', 'n2'),
      replicas: 2,
      standings: standings({ n1: 'leaving', n2: 'fit', n3: 'fit' }),
    };
    expect(carryOut(input, () => 0).steps.map(({ kind, node }) => `${kind} ${node}`)).to.deep.equal(
      ['transfer n2', 'add n3', 'remove n1'],
    );
  });

  it('takes a dead member out of a set of two at once, and gives the shard another', () => {
    const input = {
      shards: held(1, 'n1', 'n2'),
      replicas: 2,
      standings: standings({ n1: 'fit', n2: 'dead', n3: 'fit' }),
    };
    expect(carryOut(input, () => 0).steps.map(({ kind, node }) => `${kind} ${node}`)).to.deep.equal(
      ['remove n2', 'add n3'],
    );
  });

  it('waits for a dead member of a set of three, replaces a lost one, and keeps its place when nobody can', () => {
    const shards = held(1, 'n1', 'n2', 'n3');
    const stepsWith = (are: Readonly<Record<string, Standing>>): readonly string[] =>
      carryOut({ shards, replicas: 3, standings: standings(are) }, () => 0).steps.map(
        ({ kind, node }) => `${kind} ${node}`,
      );
    const others = { n1: 'fit', n2: 'fit' } as const;
    expect(stepsWith({ ...others, n3: 'dead', n4: 'fit' })).to.deep.equal([]);
    expect(stepsWith({ ...others, n3: 'lost', n4: 'fit' })).to.deep.equal(['add n4', 'remove n3']);
    expect(stepsWith({ ...others, n3: 'lost' })).to.deep.equal([]);
    expect(stepsWith({ ...others, n3: 'forgotten' })).to.deep.equal(['remove n3']);
  });

  it('takes a dead member out first when another one drains', () => {
    const input = {
      shards: held(1, 'n1', 'n2', 'n3'),
      replicas: 3,
      standings: standings({ n1: 'leaving', n2: 'fit', n3: 'dead' }),
    };
    expect(carryOut(input, () => 0).steps.map(({ kind, node }) => `${kind} ${node}`)).to.deep.equal(
      ['remove n3', 'transfer n2', 'remove n1'],
    );
  });

  it('plans nothing for shards whose owner is dead: that is for whoever takes them over', () => {
    const are = standings({ n1: 'dead', n2: 'fit', n3: 'fit' });
    expect(
      planPlacement({ shards: held(4, 'n1', 'n2', 'n3'), replicas: 3, standings: are }),
    ).to.deep.equal([]);
  });

  it('plans for the largest cluster in a moment', () => {
    const nodes = Array.from({ length: 16 }, (_, index) => `m${index}`);
    const input = { shards: held(4096, 'm0', 'm1', 'm2'), replicas: 3, standings: fit(...nodes) };
    const startedMs = performance.now();
    planPlacement(input);
    expect(performance.now() - startedMs).to.be.below(3000);
  });
});

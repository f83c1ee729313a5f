import { expect } from 'chai';
import fc from 'fast-check';
import { explain } from '../../../../src/actors/balancer/explain.ts';
import type { BalanceAlgorithm } from '../../../../src/actors/balancer/messages.ts';
import { candidatesOf, stepBalancer } from '../../../../src/actors/balancer/state.ts';
import type { BalancerState } from '../../../../src/actors/balancer/state.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { MESH_PEER_SILENT_MS } from '../../../../src/protocol/limits.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';
import { N1, N2, N3, balancer, placeOne, report } from './nodes.ts';

/** How often each node is chosen in `count` placements from the same state. */
function distribution(state: BalancerState, count: number): Map<NodeId | undefined, number> {
  const random = seededRandom(7);
  const chosen = new Map<NodeId | undefined, number>();
  for (let index = 0; index < count; index += 1) {
    const { node } = placeOne(state, random.fraction());
    chosen.set(node, (chosen.get(node) ?? 0) + 1);
  }
  return chosen;
}

function names(state: BalancerState, now = 0): readonly NodeId[] {
  return candidatesOf(state, now).map(({ node }) => node);
}

describe('balancer', () => {
  it('loads of 1 : 2 : 4 are chosen 4 : 2 : 1', () => {
    const state = balancer({ n1: { sessions: 9 }, n2: { sessions: 19 }, n3: { sessions: 39 } });
    const chosen = distribution(state, 14_000);
    expect(chosen.get(N1)).to.be.closeTo(8000, 250);
    expect(chosen.get(N2)).to.be.closeTo(4000, 250);
    expect(chosen.get(N3)).to.be.closeTo(2000, 250);
  });

  it('the same state and roll choose the same node', () => {
    const state = balancer({ n1: {}, n2: { sessions: 3 }, n3: { sessions: 8 } });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (roll) => {
        expect(placeOne(state, roll).node).to.equal(placeOne(state, roll).node);
      }),
    );
  });

  it('answers with the gate, the boot and the clock of the node', () => {
    const bootId = new Uint8Array(16).fill(9);
    const state = balancer({ n2: { gateHost: '10.0.0.2', gatePort: 7402, bootId, now: 9000 } });
    const { effects } = stepBalancer(state, { type: 'place', roll: 0.5 }, 250.5);
    const gate = { node: N2, host: '10.0.0.2', port: 7402, bootId, nowMs: 9250 };
    expect(effects).to.deep.equal([{ type: 'placed', gate }]);
  });

  it('knows no node at first', () => {
    expect(placeOne(balancer({}), 0.5).node).to.equal(undefined);
  });

  describe('B1', () => {
    it('leaves out a node once it is silent for longer than the limit', () => {
      const state = balancer({ n1: {}, n2: {} });
      expect(names(state, MESH_PEER_SILENT_MS)).to.deep.equal([N1, N2]);
      expect(names(state, MESH_PEER_SILENT_MS + 1)).to.deep.equal([N1]);
    });

    it('never takes its own node for silent', () => {
      expect(names(balancer({ n1: {} }), 1e9)).to.deep.equal([N1]);
    });

    it('leaves out a draining node, also when it is the only one', () => {
      expect(names(balancer({ n1: { draining: true }, n2: {} }))).to.deep.equal([N2]);
      expect(placeOne(balancer({ n1: { draining: true } }), 0).node).to.equal(undefined);
    });

    it('leaves out a lost peer until it reports again', () => {
      const lost = stepBalancer(balancer({ n1: {}, n2: {} }), { type: 'peerLost', node: N2 }, 0);
      expect(names(lost.state)).to.deep.equal([N1]);
      const back = stepBalancer(lost.state, { type: 'report', node: N2, report: report() }, 1);
      expect(names(back.state)).to.deep.equal([N1, N2]);
    });
  });

  describe('B2', () => {
    it('leaves out overloaded and full nodes while there is a better one', () => {
      const state = balancer({
        n1: { eventLoopUtilisation: 0.96 },
        n2: { storeFull: true },
        n3: {},
      });
      expect(names(state)).to.deep.equal([N3]);
    });

    it('takes a node at the limit', () => {
      expect(names(balancer({ n1: { outboxFill: 0.95 }, n2: {} }))).to.deep.equal([N1, N2]);
    });

    it('takes an overloaded node when all that live are overloaded, and says so', () => {
      const state = balancer({ n1: { eventLoopUtilisation: 1 }, n2: { draining: true } });
      expect(placeOne(state, 0.3).node).to.equal(N1);
      expect(explain(state, 0).strained).to.equal(true);
    });
  });

  describe('B3', () => {
    it('a burst between two reports spreads evenly over equal nodes', () => {
      const nodes = fc.integer({ min: 2, max: 8 });
      fc.assert(
        fc.property(nodes, fc.integer(), (nodeCount, seed) => {
          const random = seededRandom(seed);
          const reports = Array.from({ length: nodeCount }, (_, index) => [`n${index + 1}`, {}]);
          let state = balancer(Object.fromEntries(reports) as Record<string, object>);
          for (let index = 0; index < 60 * nodeCount; index += 1)
            state = placeOne(state, random.fraction()).state;
          const placed = [...state.nodes.values()].map((node) => node.placed);
          expect(Math.min(...placed)).to.be.at.least(40);
          expect(Math.max(...placed)).to.be.at.most(80);
        }),
        { numRuns: 30 },
      );
    });

    it('a new report replaces what was placed since the one before', () => {
      const placed = placeOne(balancer({ n1: {} }), 0).state;
      expect(placed.nodes.get(N1)?.placed).to.equal(1);
      const after = stepBalancer(placed, { type: 'report', node: N1, report: report() }, 1).state;
      expect(after.nodes.get(N1)?.placed).to.equal(0);
    });
  });

  it('round-robin visits every node in turn', () => {
    let state = balancer({ n3: {}, n1: {}, n2: {} }, 'round-robin');
    const visited: Array<NodeId | undefined> = [];
    for (let index = 0; index < 6; index += 1) {
      const step = placeOne(state, 0.99);
      state = step.state;
      visited.push(step.node);
    }
    expect(visited).to.deep.equal([N1, N2, N3, N1, N2, N3]);
  });
});

describe('balancer explanation', () => {
  it('shows load, odds, age and why a node is left out', () => {
    const state = balancer({ n1: { sessions: 1 }, n2: { sessions: 3 }, n3: { draining: true } });
    const { algorithm, nodes, strained } = explain(state, 500);
    expect(algorithm).to.equal('inverse-load');
    expect(strained).to.equal(false);
    expect(
      nodes.map(({ node, load, leftOut, ageMs }) => ({ node, load, leftOut, ageMs })),
    ).to.deep.equal([
      { node: N1, load: 2, leftOut: undefined, ageMs: 500 },
      { node: N2, load: 4, leftOut: undefined, ageMs: 500 },
      { node: N3, load: 1, leftOut: 'draining', ageMs: 500 },
    ]);
    expect(nodes.map(({ probability }) => probability)).to.deep.equal([2 / 3, 1 / 3, 0]);
  });

  it('its odds are those of the choice, for every algorithm', () => {
    const algorithms: readonly BalanceAlgorithm[] = [
      'inverse-load',
      'least-connections',
      'round-robin',
      'random',
    ];
    for (const algorithm of algorithms) {
      const state = balancer(
        { n1: { sessions: 5 }, n2: { sessions: 1 }, n3: { sessions: 1, outboxFill: 0.4 } },
        algorithm,
      );
      const chosen = distribution(state, 5000);
      for (const { node, probability } of explain(state, 0).nodes)
        expect((chosen.get(node) ?? 0) / 5000, `${algorithm} ${node}`).to.be.closeTo(
          probability,
          0.03,
        );
    }
  });
});

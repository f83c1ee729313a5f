import { expect } from 'chai';
import { NodeHealth } from '../../../../src/cluster/placement/health.ts';
import { VirtualClock } from '../../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';
import { memberOf } from '../support/test-cluster.ts';

const [N1, N2] = ['n1', 'n2'].map(parseNodeId) as [NodeId, NodeId];

describe('NodeHealth', () => {
  const clock = new VirtualClock({ seed: 1 });
  const up = new Set<NodeId>();
  const leaving = new Set<NodeId>();
  const forgotten = new Set<NodeId>();
  let live: ReadonlySet<NodeId> | undefined;
  let health: NodeHealth;

  beforeEach(() => {
    for (const set of [up, leaving, forgotten]) set.clear();
    up.add(N2);
    live = new Set([N1, N2]);
    health = new NodeHealth({
      self: N1,
      directory: { members: [memberOf('n1', 0), memberOf('n2', 1)] },
      membership: { isUp: (node) => up.has(node) },
      coordinator: { live: () => live },
      isLeaving: (node) => leaving.has(node),
      isForgotten: (node) => forgotten.has(node),
      replaceAfterMs: 60_000,
      clock,
    });
  });

  it('calls a member fit that has a lease and is heard', () => {
    expect([...health.standings()]).to.deep.equal([
      [N1, 'fit'],
      [N2, 'fit'],
    ]);
  });

  it('calls a member that says so leaving', () => {
    leaving.add(N2);
    expect(health.standings().get(N2)).to.equal('leaving');
  });

  it('is not sure of a member that only the mesh or only the coordinator hears', () => {
    up.delete(N2);
    expect(health.standings().get(N2)).to.equal('away');
    up.add(N2);
    live = new Set([N1]);
    expect(health.standings().get(N2)).to.equal('away');
  });

  it('calls nobody dead before the coordinator was heard', () => {
    live = undefined;
    up.delete(N2);
    expect(health.standings().get(N2)).to.equal('away');
    expect(health.standings().get(N1)).to.equal('fit');
  });

  it('calls a member dead without lease and link, and lost after a while; coming back starts anew', async () => {
    up.delete(N2);
    live = new Set([N1]);
    expect(health.standings().get(N2)).to.equal('dead');
    await clock.advance(59_000);
    expect(health.standings().get(N2)).to.equal('dead');
    await clock.advance(1000);
    expect(health.standings().get(N2)).to.equal('lost');
    up.add(N2);
    expect(health.standings().get(N2)).to.equal('away');
    up.delete(N2);
    expect(health.standings().get(N2)).to.equal('dead');
  });

  it('writes a dead member off when an operator says so, never a living one', () => {
    forgotten.add(N2);
    expect(health.standings().get(N2)).to.equal('fit');
    up.delete(N2);
    live = new Set([N1]);
    expect(health.standings().get(N2)).to.equal('forgotten');
  });
});

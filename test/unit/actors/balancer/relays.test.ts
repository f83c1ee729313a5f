import { expect } from 'chai';
import fc from 'fast-check';
import { planRelays } from '../../../../src/actors/balancer/relays.ts';
import { seededRandom } from '../../../../src/ops/random.ts';
import { parseNodeId } from '../../../../src/protocol/ids.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';
import { FAN_OUT_DIRECT_NODES_MAX, MEMBERS_MAX } from '../../../../src/protocol/limits.ts';

const nodes = (count: number): NodeId[] =>
  Array.from({ length: count }, (_, index) => parseNodeId(`n${index}`));

const roll = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const load = fc.double({ min: 0.01, max: 10_000, noNaN: true });

describe('relays of a fan-out', () => {
  it('are not needed for as many nodes as get the frame directly', () => {
    const few = nodes(FAN_OUT_DIRECT_NODES_MAX);
    expect(planRelays(few, new Map(), 0.5)).to.deep.equal(
      few.map((node) => ({ node, onward: [] })),
    );
  });

  it('reach every node exactly once, through few of them', () => {
    const size = fc.integer({ min: 1, max: MEMBERS_MAX });
    fc.assert(
      fc.property(size, fc.array(load, { maxLength: MEMBERS_MAX }), roll, (count, known, at) => {
        const all = nodes(count);
        const loads = new Map(known.map((value, index) => [parseNodeId(`n${index}`), value]));
        const plan = planRelays(all, loads, at);
        const reached = plan.flatMap(({ node, onward }) => [node, ...onward]);
        expect(new Set(reached).size).to.equal(count);
        expect(reached).to.have.lengthOf(count);
        expect(plan.length).to.be.at.most(FAN_OUT_DIRECT_NODES_MAX);
      }),
    );
  });

  it('share the onward frames in proportion to 1 / their load: 64 nodes, within 5 %', () => {
    const random = seededRandom(64);
    for (let trial = 0; trial < 5; trial += 1) {
      const all = nodes(64);
      const loads = new Map(all.map((node) => [node, 1 + 9 * random.fraction()]));
      const handed = new Map<NodeId, number>();
      const frames = 400;
      for (let frame = 0; frame < frames; frame += 1)
        for (const { node, onward } of planRelays(all, loads, (frame + random.fraction()) / frames))
          handed.set(node, (handed.get(node) ?? 0) + onward.length);
      const total = [...handed.values()].reduce((sum, count) => sum + count, 0);
      expect(total).to.equal(frames * (64 - FAN_OUT_DIRECT_NODES_MAX));
      const weights = [...handed.keys()].map((node) => 1 / (loads.get(node) ?? Infinity));
      const whole = weights.reduce((sum, weight) => sum + weight, 0);
      [...handed.values()].forEach((count, index) => {
        const fair = ((weights[index] ?? 0) / whole) * total;
        expect(count / fair, `relay ${index}`).to.be.within(0.95, 1.05);
      });
    }
  });

  it('are the least loaded nodes; one of unknown load hands nothing on', () => {
    const all = nodes(64);
    const loads = new Map(all.slice(0, 40).map((node, index) => [node, 40 - index]));
    const plan = planRelays(all, loads, 0.3);
    const relays = plan.map(({ node }) => node);
    expect(relays).to.have.members(all.slice(8, 40));
    const few = new Map(all.slice(0, 3).map((node) => [node, 2]));
    for (const { node, onward } of planRelays(all, few, 0.3).slice(0, -1))
      if (!few.has(node)) expect(onward, node).to.deep.equal([]);
  });

  it('share evenly when nobody has said anything', () => {
    const plan = planRelays(nodes(96), new Map(), 0.5);
    expect(plan.map(({ onward }) => onward.length)).to.deep.equal(Array(32).fill(2));
  });
});

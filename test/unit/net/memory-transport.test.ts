import { expect } from 'chai';
import fc from 'fast-check';
import { MemoryMesh } from '../../../src/net/memory-transport.ts';
import type { Transport } from '../../../src/net/transport.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { Faults } from './mesh-world.ts';
import { N1, N2 } from './mesh-world.ts';

const N3 = parseNodeId('n3');

class World {
  readonly clock: VirtualClock;
  readonly hub: MemoryMesh;
  readonly seen: string[] = [];

  constructor(seed = 1, faults: Faults = {}) {
    this.clock = new VirtualClock({ seed });
    this.hub = new MemoryMesh({ clock: this.clock, random: seededRandom(seed), ...faults });
  }

  open(node = N1, peers = [N1, N2, N3]): Transport {
    const transport = this.hub.open(node);
    transport.start({
      onFrame: (peer, frame) => this.seen.push(`${node} got ${frame[0]} from ${peer}`),
      onWritable: () => undefined,
      onDown: (peer) => this.seen.push(`${node} lost ${peer}`),
    });
    for (const peer of peers) if (peer !== node) transport.connect(this.hub.address(peer));
    return transport;
  }

  pass(ms: number): void {
    this.clock.run(this.clock.mono() + ms);
  }
}

describe('MemoryMesh', () => {
  it('keeps the frames of a pair in order, however long each takes', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const world = new World(seed, { delayMs: [0, 50] });
        const [one] = [world.open(N1), world.open(N2)];
        for (let number = 0; number < 20; number++) {
          one.send(N2, Uint8Array.of(number));
          world.pass(2);
        }
        world.pass(100);
        expect(world.seen).to.deep.equal(
          Array.from({ length: 20 }, (_, number) => `n2 got ${number} from n1`),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('lets frames overtake each other when told so, and loses none by it', () => {
    const world = new World(3, { delayMs: [0, 50], reorder: true });
    const [one] = [world.open(N1), world.open(N2)];
    const expected = Array.from({ length: 20 }, (_, number) => `n2 got ${number} from n1`);
    for (let number = 0; number < 20; number++) one.send(N2, Uint8Array.of(number));
    world.pass(100);
    expect(world.seen).to.have.members(expected);
    expect(world.seen).to.not.deep.equal(expected);
  });

  it('loses what is under way when a node crashes, and tells its peers', () => {
    const world = new World();
    const [one, two] = [world.open(N1), world.open(N2)];
    one.send(N2, Uint8Array.of(1));
    two.send(N1, Uint8Array.of(2));
    world.hub.crash(N2);
    expect(two.send(N1, Uint8Array.of(3))).to.equal('down');
    world.pass(10);
    expect(world.seen).to.deep.equal(['n1 lost n2']);
    expect(one.send(N2, Uint8Array.of(4))).to.equal('down');
    world.open(N2);
    world.pass(10);
    one.send(N2, Uint8Array.of(5));
    world.pass(10);
    expect(world.seen.at(-1)).to.equal('n2 got 5 from n1');
  });

  it('loses silently what crosses a partition, in the cut direction only', () => {
    const world = new World();
    const [one, two] = [world.open(N1), world.open(N2)];
    one.send(N2, Uint8Array.of(1));
    world.hub.oneWay(N1, N2);
    expect(one.send(N2, Uint8Array.of(2))).to.equal('sent');
    two.send(N1, Uint8Array.of(3));
    world.pass(10);
    expect(world.seen).to.deep.equal(['n1 got 3 from n2']);
    world.hub.heal();
    one.send(N2, Uint8Array.of(4));
    world.pass(10);
    expect(world.seen.at(-1)).to.equal('n2 got 4 from n1');
    expect(world.hub.counters).to.deep.equal({ sent: 4, delivered: 2, lost: 2 });
  });

  it('keeps frames for a paused node, up to a full pipe', () => {
    const world = new World();
    const [one] = [world.open(N1), world.open(N2)];
    world.hub.pause(N2);
    let sent = 0;
    while (one.send(N2, Uint8Array.of(sent)) === 'sent') sent += 1;
    world.pass(1000);
    expect(world.seen).to.deep.equal([]);
    world.hub.resume(N2);
    expect(world.seen.length).to.equal(sent);
    expect(one.send(N2, Uint8Array.of(0))).to.equal('sent');
  });

  it('keeps strangers apart: a frame passes only when both sides connected', () => {
    const world = new World();
    const [one] = [world.open(N1, [N2]), world.open(N2, [N3])];
    world.pass(10);
    expect(one.send(N2, Uint8Array.of(1))).to.equal('down');
    expect(one.send(N3, Uint8Array.of(1))).to.equal('down');
  });
});

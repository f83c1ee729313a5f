import { expect } from 'chai';
import fc from 'fast-check';
import { FastChatError } from '../../../src/protocol/errors.ts';
import { MESH_PAYLOAD_BYTES_MAX } from '../../../src/net/mesh-frames.ts';
import { MESH_DEADLINE_SLOT_MS, MESH_PEER_SILENT_MS } from '../../../src/protocol/limits.ts';
import {
  MeshWorld,
  StallingClock,
  N1,
  N2,
  Results,
  serveEcho,
  textOf,
  utf8,
} from './mesh-world.ts';
import type { Faults } from './mesh-world.ts';

describe('mesh', () => {
  describe('links', () => {
    it('are up on both sides after hellos were exchanged', () => {
      const [one, two] = new MeshWorld().pair();
      expect(one.changes).to.deep.equal(['n2 up']);
      expect(two.changes).to.deep.equal(['n1 up']);
      expect(one.mesh.peers()[0]).to.include({ node: N2, state: 'up', bootId: 'boot-2' });
    });

    it('carry load reports with every heartbeat', () => {
      const world = new MeshWorld();
      const [one, two] = [world.boot(N1, 'busy'), world.boot(N2)];
      world.link(one, two);
      world.pass(1100);
      expect(two.loads.length).to.be.greaterThan(2);
      expect(new Set(two.loads)).to.deep.equal(new Set(['n1 busy']));
    });

    it('M5: outlive a load report that nobody can read', () => {
      const world = new MeshWorld();
      const [one] = world.pair();
      one.mesh.onHeartbeat(() => {
        throw new Error('not a report');
      });
      const { length } = one.loads;
      world.pass(2000);
      expect(one.loads.length, 'the other listeners').to.be.greaterThan(length);
      expect(one.changes).to.deep.equal(['n2 up']);
    });

    it('go down when a peer falls silent and come up again when it is heard', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      world.hub.partition(N1, N2);
      world.pass(MESH_PEER_SILENT_MS + 1000);
      expect(one.changes).to.deep.equal(['n2 up', 'n2 down']);
      expect(one.mesh.peers()[0]?.state).to.equal('silent');
      world.hub.heal();
      world.pass(1000);
      expect(one.changes.at(-1)).to.equal('n2 up');
      expect(two.changes.at(-1)).to.equal('n1 up');
    });

    it('P1: go down on both sides when only one direction works', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      world.hub.oneWay(N1, N2);
      world.pass(MESH_PEER_SILENT_MS + 1500);
      expect(one.changes.at(-1)).to.equal('n2 down');
      expect(two.changes.at(-1)).to.equal('n1 down');
      expect(one.mesh.peers()[0]?.state).to.equal('greeting');
    });

    it('stay up when only the node itself was blocked, and it finds old news first', () => {
      const world = new MeshWorld();
      const stalling = new StallingClock(world.clock);
      const [one, two] = [world.boot(N1, 'idle', stalling), world.boot(N2)];
      world.link(one, two);
      // Heartbeats leave at whole half seconds: this node has just sent its own and not read the peer's.
      world.pass(1000.5);
      stalling.isStalled = true;
      world.hub.pause(N1);
      world.pass(1600);
      // What this node heard last is now older than MESH_PEER_SILENT_MS, and its timers run before it reads.
      stalling.resume();
      world.hub.resume(N1);
      world.pass(1500);
      expect(one.changes).to.deep.equal(['n2 up']);
      expect(two.changes).to.deep.equal(['n1 up']);
    });

    it('end when a peer is forgotten', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      one.mesh.forget(N2);
      expect(one.changes.at(-1)).to.equal('n2 down');
      expect(one.mesh.peers()).to.deep.equal([]);
      world.pass(1000);
      expect(two.changes.at(-1)).to.equal('n1 down');
    });

    it('stay as they are when a peer is connected again at the same address', () => {
      const world = new MeshWorld();
      const [one] = world.pair();
      one.mesh.connect(world.hub.address(N2));
      world.pass(1000);
      expect(one.changes).to.deep.equal(['n2 up']);
    });

    it('begin anew when a peer is connected again at another address', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      serveEcho(two);
      one.mesh.connect({ ...world.hub.address(N2), endpoint: 'memory://elsewhere' });
      expect(one.changes).to.deep.equal(['n2 up', 'n2 down']);
      world.pass(1000);
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('hi'), results.add);
      world.pass(100);
      expect(results.all).to.deep.equal(['hi!']);
      expect(two.mesh.counters().dropped.duplicate).to.equal(0);
    });
  });

  describe('requests', () => {
    it('are answered', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      serveEcho(two);
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('a'), results.add);
      one.mesh.request(N2, 'actor', utf8('b'), results.add);
      expect(results.all).to.deep.equal([]);
      world.pass(100);
      expect(results.all).to.deep.equal(['a!', 'b!']);
    });

    it('are timed from the question to the answer, each service by itself', () => {
      const world = new MeshWorld(1, { delayMs: [10, 10] });
      const [one, two] = world.pair();
      serveEcho(two);
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('a'), results.add);
      world.pass(100);
      const { actor, replica } = one.mesh.counters().answers;
      expect([actor.count, replica.count]).to.deep.equal([1, 0]);
      expect(actor.sum).to.be.within(0.02, 0.03);
    });

    it('carry the error that the peer answers, with its retry time', async () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('session', {
        request: (_from, _payload, _reply, fail) =>
          fail(new FastChatError('E_RATE_LIMITED', 'slow down', { retryAfterMs: 250 })),
      });
      const answer = one.mesh
        .requestAsync(N2, 'session', utf8('x'))
        .catch((error: unknown) => error);
      await world.clock.advance(100);
      expect(await answer).to.include({
        code: 'E_RATE_LIMITED',
        retryAfterMs: 250,
        message: 'slow down',
      });
    });

    it('M5: get E_INTERNAL when the handler throws', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', {
        request: () => {
          throw new TypeError('a bug');
        },
      });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      world.pass(100);
      expect(results.all).to.deep.equal(['E_INTERNAL']);
    });

    it('get E_UNREACHABLE from a peer that does not serve them yet', () => {
      const world = new MeshWorld();
      const [one] = world.pair();
      const results = new Results();
      one.mesh.request(N2, 'replica', utf8('x'), results.add);
      world.pass(100);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
    });

    it('fail with E_UNREACHABLE to a node that is not up, after request has returned', () => {
      const world = new MeshWorld();
      const one = world.boot(N1);
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      expect(results.all).to.deep.equal([]);
      world.pass(0);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
      expect(one.mesh.tell(N2, 'actor', utf8('x'))).to.equal(false);
      expect(one.mesh.counters().dropped.unreachable).to.equal(2);
    });

    it('fail with E_TIMEOUT at their own deadline, and a late answer is counted', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      const pending: Array<() => void> = [];
      two.mesh.serve('actor', {
        request: (_from, payload, reply) => pending.push(() => reply(payload)),
      });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('slow'), results.add, 300);
      one.mesh.request(N2, 'actor', utf8('slower'), results.add, 1000);
      world.pass(299);
      expect(results.all).to.deep.equal([]);
      world.pass(1 + 2 * MESH_DEADLINE_SLOT_MS);
      expect(results.all).to.deep.equal(['E_TIMEOUT']);
      for (const answer of pending) answer();
      world.pass(100);
      expect(results.all).to.deep.equal(['E_TIMEOUT', 'slower']);
      expect(one.mesh.counters().dropped.late).to.equal(1);
    });

    it('M3: fail at once when the link breaks', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', { request: () => undefined });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      world.pass(50);
      world.hub.crash(N2);
      world.pass(5);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
    });

    it('M3: fail at once when a restarted peer says hello before its silence was noticed', async () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', { request: () => undefined });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      world.pass(50);
      await two.mesh.close();
      const reborn = world.boot(N2);
      serveEcho(reborn);
      reborn.mesh.connect(world.hub.address(N1));
      world.pass(600);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
      one.mesh.request(N2, 'actor', utf8('again'), results.add);
      world.pass(50);
      expect(results.all.at(-1)).to.equal('again!');
      expect(one.mesh.peers()[0]?.bootId).to.equal('boot-3');
    });

    it('are answered once: a second answer changes nothing', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', {
        request: (_from, _payload, reply, fail) => {
          reply(utf8('first'));
          reply(utf8('second'));
          fail(new FastChatError('E_INTERNAL', 'third'));
        },
      });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      world.pass(100);
      expect(results.all).to.deep.equal(['first']);
      expect(one.mesh.counters().dropped.late).to.equal(0);
    });

    it('above the size of a frame are refused, at it they pass', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', {
        request: (_from, payload, reply) => reply(utf8(String(payload.length))),
      });
      const results = new Results();
      one.mesh.request(N2, 'actor', new Uint8Array(MESH_PAYLOAD_BYTES_MAX), results.add);
      one.mesh.request(N2, 'actor', new Uint8Array(MESH_PAYLOAD_BYTES_MAX + 1), results.add);
      world.pass(100);
      expect(results.all).to.have.members(['E_TOO_LARGE', String(MESH_PAYLOAD_BYTES_MAX)]);
    });

    it('above the number of open ones are refused', () => {
      const world = new MeshWorld(1, {}, { requestsOpenMax: 3 });
      const [one, two] = world.pair();
      two.mesh.serve('actor', { request: () => undefined });
      const results = new Results();
      for (let count = 0; count < 4; count++) one.mesh.request(N2, 'actor', utf8('x'), results.add);
      world.pass(10);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
    });

    it('fail when the mesh closes', async () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      two.mesh.serve('actor', { request: () => undefined });
      const results = new Results();
      one.mesh.request(N2, 'actor', utf8('x'), results.add);
      await one.mesh.close();
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
    });
  });

  describe('frames', () => {
    it('M4: carry all messages of one event turn together and in order', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      const told: string[] = [];
      two.mesh.serve('gossip', {
        tell: (from, payload) => told.push(`${from} ${textOf(payload)}`),
      });
      const before = one.mesh.counters().frames.get(N2)?.out ?? 0;
      for (const word of ['a', 'b', 'c'])
        expect(one.mesh.tell(N2, 'gossip', utf8(word))).to.equal(true);
      world.pass(50);
      expect(told).to.deep.equal(['n1 a', 'n1 b', 'n1 c']);
      expect(one.mesh.counters().frames.get(N2)?.out).to.equal(before + 1);
    });

    it('are cut at the batch size', () => {
      const world = new MeshWorld(1, {}, { batchBytes: 1000 });
      const [one, two] = world.pair();
      let told = 0;
      two.mesh.serve('gossip', { tell: () => (told += 1) });
      const before = one.mesh.counters().frames.get(N2)?.out ?? 0;
      for (let count = 0; count < 10; count++) one.mesh.tell(N2, 'gossip', new Uint8Array(400));
      world.pass(50);
      expect(told).to.equal(10);
      expect(one.mesh.counters().frames.get(N2)?.out).to.equal(before + 5);
    });

    it('past the bound of the outbox are refused and counted, and the link recovers', () => {
      const world = new MeshWorld(1, {}, { outboxBytesMax: 64 * 1024, batchBytes: 1024 });
      const [one, two] = world.pair();
      let told = 0;
      two.mesh.serve('gossip', { tell: () => (told += 1) });
      world.hub.pause(N2);
      let accepted = 0;
      while (one.mesh.tell(N2, 'gossip', new Uint8Array(1024))) accepted += 1;
      const results = new Results();
      one.mesh.request(N2, 'gossip', new Uint8Array(1024), results.add);
      world.pass(1);
      expect(results.all).to.deep.equal(['E_UNREACHABLE']);
      expect(one.mesh.outboxFill()).to.be.within(0.9, 1);
      expect(one.mesh.counters().dropped.hwm).to.equal(2);
      world.hub.resume(N2);
      world.pass(1000);
      expect(told).to.equal(accepted);
      expect(one.mesh.outboxFill()).to.equal(0);
      expect(one.mesh.peers()[0]?.state).to.equal('up');
    });

    it('that arrive twice are dropped and counted', () => {
      const world = new MeshWorld(1, { duplicateRatio: 1 });
      const [one, two] = world.pair();
      const told: string[] = [];
      two.mesh.serve('gossip', { tell: (_from, payload) => told.push(textOf(payload)) });
      for (const word of ['a', 'b']) {
        one.mesh.tell(N2, 'gossip', utf8(word));
        world.pass(10);
      }
      expect(told).to.deep.equal(['a', 'b']);
      expect(two.mesh.counters().dropped.duplicate).to.be.greaterThan(1);
    });

    it('M2: that are lost are counted by the receiver when the next one arrives', () => {
      const world = new MeshWorld();
      const [one, two] = world.pair();
      world.hub.oneWay(N1, N2);
      for (let count = 0; count < 3; count++) {
        one.mesh.tell(N2, 'gossip', utf8('x'));
        world.pass(10);
      }
      world.hub.heal();
      world.pass(600);
      expect(two.mesh.counters().dropped.gap).to.equal(3);
      expect(two.changes).to.deep.equal(['n1 up']);
    });

    it('M2: that a broken link may have lost are counted by the sender', () => {
      const world = new MeshWorld();
      const [one] = world.pair();
      world.pass(1000);
      for (let count = 0; count < 3; count++) {
        one.mesh.tell(N2, 'gossip', utf8('x'));
        world.clock.step();
        world.clock.step();
      }
      world.hub.crash(N2);
      world.pass(10);
      expect(one.mesh.counters().dropped.unconfirmed).to.be.within(3, 8);
    });

    it('that are malformed are counted and ignored', () => {
      const world = new MeshWorld();
      const one = world.boot(N1);
      const evil = world.hub.open(N2);
      evil.start({
        onFrame: () => undefined,
        onWritable: () => undefined,
        onDown: () => undefined,
      });
      evil.connect(world.hub.address(N1));
      one.mesh.connect(world.hub.address(N2));
      world.pass(10);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => {
          evil.send(N1, frame);
          world.pass(2);
        }),
        { numRuns: 500 },
      );
      const { decode, stranger } = one.mesh.counters().dropped;
      expect(decode + stranger).to.be.at.least(500);
      expect(one.changes).to.deep.equal([]);
    });
  });

  it('M1: every request ends exactly once, whatever the network does', () => {
    const faults: fc.Arbitrary<Faults> = fc.record({
      lossRatio: fc.constantFrom(0, 0.05, 0.3),
      duplicateRatio: fc.constantFrom(0, 0.2),
      reorder: fc.boolean(),
      delayMs: fc.constantFrom([0, 0] as const, [1, 5] as const, [0, 200] as const),
    });
    const mishaps = fc.array(fc.constantFrom('cut', 'one way', 'heal', 'pause', 'crash', 'none'), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1 }), faults, mishaps, (seed, network, steps) => {
        const world = new MeshWorld(seed, network);
        const [one, two] = world.pair();
        serveEcho(two);
        const ends = new Map<number, number>();
        let asked = 0;
        const ask = (): void => {
          const number = asked++;
          one.mesh.request(
            N2,
            'actor',
            utf8(String(number)),
            (result) => {
              ends.set(number, (ends.get(number) ?? 0) + 1);
              if (result.ok) expect(textOf(result.payload)).to.equal(`${number}!`);
            },
            1000,
          );
        };
        for (const step of steps) {
          for (let count = 0; count < 5; count++) ask();
          if (step === 'cut') world.hub.partition(N1, N2);
          if (step === 'one way') world.hub.oneWay(N2, N1);
          if (step === 'pause') world.hub.pause(N2);
          if (step === 'crash') world.hub.crash(N2);
          if (step === 'heal') {
            world.hub.heal();
            world.hub.resume(N2);
          }
          world.pass(400);
        }
        world.pass(2000);
        expect(ends.size).to.equal(asked);
        expect([...ends.values()].every((count) => count === 1)).to.equal(true);
      }),
      { numRuns: 60 },
    );
  });

  it('repeats exactly for the same seed', () => {
    const trace = (seed: number): string => {
      const world = new MeshWorld(seed, { lossRatio: 0.1, duplicateRatio: 0.1, delayMs: [1, 30] });
      const [one, two] = world.pair();
      serveEcho(two);
      const results = new Results();
      for (let count = 0; count < 50; count++) {
        one.mesh.request(N2, 'actor', utf8(String(count)), results.add, 500);
        world.pass(20);
      }
      world.pass(1000);
      return JSON.stringify([results.all, one.mesh.counters().dropped, world.hub.counters]);
    };
    expect(trace(7)).to.equal(trace(7));
    expect(trace(7)).to.not.equal(trace(8));
  });
});

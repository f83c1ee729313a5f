import { expect } from 'chai';
import { MemoryLinks } from '../../../src/net/memory-links.ts';
import type { MemoryLinksOptions } from '../../../src/net/memory-links.ts';
import type { ClientLink, ClientLinkEvents, LinkListener } from '../../../src/net/client-link.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../../../src/protocol/limits.ts';

const GATE = '10.0.0.1';
const CLIENT = '10.0.0.2';

class World {
  readonly clock: VirtualClock;
  readonly links: MemoryLinks;
  readonly seen: string[] = [];
  readonly accepted: ClientLink[] = [];
  listener: LinkListener | undefined;

  constructor(seed = 1, options: Partial<MemoryLinksOptions> = {}) {
    this.clock = new VirtualClock({ seed });
    this.links = new MemoryLinks({ clock: this.clock, random: seededRandom(seed), ...options });
  }

  events(name: string): ClientLinkEvents {
    return {
      onFrame: (frame) =>
        this.seen.push(`${name} got ${frame[0]} at ${this.clock.mono().toFixed(1)}`),
      onWritable: () => this.seen.push(`${name} writable`),
      onClose: (reason) => this.seen.push(`${name} closed: ${reason}`),
    };
  }

  async listen(): Promise<number> {
    this.listener = await this.links.at(GATE).listen({
      host: GATE,
      port: 0,
      onLink: (link) => {
        link.trust();
        this.accepted.push(link);
        return this.events('gate');
      },
    });
    return this.listener.port;
  }

  /** Dials while time passes; answers the link or the code of the refusal. */
  async dial(port: number, waitMs = 100): Promise<ClientLink | string> {
    const target = { host: GATE, port, fingerprint: undefined };
    const dialled = this.links.at(CLIENT).dial(target, this.events('client'));
    const outcome = dialled.then(
      ({ link }) => link,
      (error: unknown) => asFastChatError(error).code,
    );
    await this.clock.advance(waitMs);
    return await outcome;
  }

  async pair(): Promise<ClientLink> {
    const link = await this.dial(await this.listen());
    if (typeof link === 'string') throw new Error(link);
    return link;
  }
}

describe('MemoryLinks', () => {
  it('takes the time its delay and its bandwidth say', async () => {
    const world = new World(1, { delayMs: [5, 5], bytesPerMs: 100 });
    const link = await world.pair();
    const start = world.clock.mono();
    link.send(new Uint8Array(996).fill(1));
    expect(link.pendingBytes).to.equal(1000);
    await world.clock.advance(100);
    expect(world.seen).to.deep.equal([`gate got 1 at ${(start + 15).toFixed(1)}`]);
    expect(link.pendingBytes).to.equal(0);
  });

  it('cuts links at a partition and lets nobody dial across it', async () => {
    const world = new World();
    await world.pair();
    world.links.partition(GATE, CLIENT);
    expect(world.seen).to.have.members([
      'gate closed: network error ETIMEDOUT',
      'client closed: network error ETIMEDOUT',
    ]);
    const port = world.listener?.port ?? 0;
    expect(await world.dial(port, HANDSHAKE_TIMEOUT_MS)).to.equal('E_TIMEOUT');
    world.links.heal();
    expect(await world.dial(port)).to.be.an('object');
  });

  it('takes a crashed machine away without telling it', async () => {
    const world = new World();
    const link = await world.pair();
    link.send(Uint8Array.of(1));
    world.links.crash(GATE);
    await world.clock.advance(100);
    expect(world.seen).to.deep.equal(['client closed: network error ECONNRESET']);
    expect(await world.dial(world.listener?.port ?? 0)).to.equal('E_UNREACHABLE');
  });

  it('keeps what a paused machine does not read pending, and hands it over in order', async () => {
    const world = new World();
    const link = await world.pair();
    world.links.pause(GATE);
    for (const number of [1, 2, 3]) link.send(Uint8Array.of(number));
    await world.clock.advance(100);
    expect([world.seen.length, link.pendingBytes]).to.deep.equal([0, 15]);
    world.links.resume(GATE);
    expect(world.seen.map((line) => line.slice(0, 10))).to.deep.equal([
      'gate got 1',
      'gate got 2',
      'gate got 3',
    ]);
  });

  it('serves no more requests to a client that does not take the answers', async () => {
    const world = new World(1, { limits: { writeBytesPause: 100 } });
    const link = await world.pair();
    world.links.pause(CLIENT);
    world.accepted[0]?.send(new Uint8Array(200));
    link.send(Uint8Array.of(1));
    await world.clock.advance(100);
    expect(world.seen).to.deep.equal([]);
    world.links.resume(CLIENT);
    await world.clock.advance(100);
    expect(world.seen.map((line) => line.slice(0, 13).trim())).to.include.members([
      'gate writable',
    ]);
    expect(world.seen.some((line) => line.startsWith('gate got 1'))).to.equal(true);
  });

  it('repeats exactly for the same seed', async () => {
    const trace = async (seed: number): Promise<string> => {
      const world = new World(seed, { delayMs: [0, 40] });
      const link = await world.pair();
      for (let number = 0; number < 30; number++) {
        link.send(Uint8Array.of(number));
        world.accepted[0]?.send(Uint8Array.of(number));
        await world.clock.advance(7);
      }
      await world.clock.advance(1000);
      return world.seen.join('\n');
    };
    expect(await trace(5)).to.equal(await trace(5));
    expect(await trace(5)).to.not.equal(await trace(6));
  });
});

/** What every `LinkNetwork` promises, whatever carries the bytes. */
import { expect } from 'chai';
import type { ClientLink, LinkListener, LinkNetwork } from '../../src/net/client-link.ts';
import type { LinkLimits } from '../../src/net/link-limits.ts';
import { asFastChatError } from '../../src/protocol/errors.ts';
import { CLIENT_FRAME_BYTES_MAX, HELLO_FRAME_BYTES_MAX } from '../../src/protocol/limits.ts';

export interface LinkWorld {
  /** Listens at `host`, showing the key of `fingerprint`. */
  readonly gate: LinkNetwork;
  /** Another gate's network at the same host, showing another key. */
  readonly impostor: LinkNetwork;
  readonly client: LinkNetwork;
  readonly host: string;
  readonly fingerprint: Uint8Array;
  /** A client that connects and then never reads. */
  dialDeaf(port: number): Promise<{ close(): void }>;
}

/** One side of a link, with what happened to it. */
class Side {
  readonly frames: Uint8Array[] = [];
  readonly closes: Array<string | undefined> = [];
  writables = 0;
  onFrame: (frame: Uint8Array) => void = () => undefined;
  #wake: () => void = () => undefined;

  readonly events = {
    onFrame: (frame: Uint8Array): void => {
      this.frames.push(Uint8Array.from(frame));
      this.onFrame(frame);
      this.#wake();
    },
    onWritable: (): void => {
      this.writables += 1;
      this.#wake();
    },
    onClose: (reason: string | undefined): void => {
      this.closes.push(reason);
      this.#wake();
    },
  };

  /** Resolves at the first event after which `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  async closed(): Promise<string | undefined> {
    await this.until(() => this.closes.length > 0);
    return this.closes[0];
  }
}

interface Accepted {
  readonly link: ClientLink;
  readonly side: Side;
}

/** A listener that keeps what it accepts. */
class Gate {
  readonly accepted: Accepted[] = [];
  listener: LinkListener | undefined;
  onLink: (accepted: Accepted) => void = () => undefined;

  async listen(network: LinkNetwork, host: string, port = 0): Promise<LinkListener> {
    this.listener = await network.listen({
      host,
      port,
      onLink: (link) => {
        const accepted = { link, side: new Side() };
        this.accepted.push(accepted);
        this.onLink(accepted);
        return accepted.side.events;
      },
    });
    return this.listener;
  }
}

const filled = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value);
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => asFastChatError(error).code,
  );

export function clientLinkContract(
  name: string,
  makeWorld: (limits?: Partial<LinkLimits>) => LinkWorld,
): void {
  describe(`client link contract: ${name}`, () => {
    let gate: Gate;
    let cleanups: Array<() => unknown>;

    beforeEach(() => {
      gate = new Gate();
      cleanups = [];
    });

    afterEach(async () => {
      for (const cleanup of cleanups.toReversed()) await cleanup();
    });

    async function listen(world: LinkWorld): Promise<LinkListener> {
      const listener = await gate.listen(world.gate, world.host);
      cleanups.push(() => listener.close());
      return listener;
    }

    async function dial(world: LinkWorld, port: number): Promise<Accepted> {
      const side = new Side();
      const { host, fingerprint } = world;
      const { link } = await world.client.dial({ host, port, fingerprint }, side.events);
      cleanups.push(() => link.destroy());
      return { link, side };
    }

    /** A dialling side may be done with its handshake before the gate is. */
    async function accepts(count: number): Promise<void> {
      while (gate.accepted.length < count)
        await new Promise<void>((resolve) => {
          gate.onLink = () => resolve();
        });
    }

    /** Both sides of one link; the gate's is trusted already. */
    async function pair(limits?: Partial<LinkLimits>): Promise<[Accepted, Accepted]> {
      const world = makeWorld(limits);
      const accepted = new Promise<Accepted>((resolve) => {
        gate.onLink = ({ link, side }) => {
          link.trust();
          resolve({ link, side });
        };
      });
      const { port } = await listen(world);
      return [await dial(world, port), await accepted];
    }

    it('carries frames whole and in order, both ways', async () => {
      const [client, server] = await pair();
      for (let number = 1; number <= 20; number++) client.link.send(filled(number * 100, number));
      server.link.send(filled(3, 1));
      server.link.send(filled(CLIENT_FRAME_BYTES_MAX, 2));
      await server.side.until(() => server.side.frames.length === 20);
      await client.side.until(() => client.side.frames.length === 2);
      expect(server.side.frames.map((frame) => [frame.length, frame[0]])).to.deep.equal(
        Array.from({ length: 20 }, (_, index) => [(index + 1) * 100, index + 1]),
      );
      expect(client.side.frames.map(({ length }) => length)).to.deep.equal([
        3,
        CLIENT_FRAME_BYTES_MAX,
      ]);
    });

    it('tells the gate where the client is', async () => {
      const [, server] = await pair();
      expect(server.link.source).to.equal('127.0.0.1');
    });

    it('shows the real port and the pinned key', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      expect(port).to.be.greaterThan(0);
      const target = { host: world.host, port, fingerprint: undefined };
      const dialled = await world.client.dial(target, new Side().events);
      expect(Buffer.from(dialled.fingerprint)).to.deep.equal(Buffer.from(world.fingerprint));
      dialled.link.destroy();
    });

    it('refuses a gate with another key', async () => {
      const world = makeWorld();
      const listener = await gate.listen(world.impostor, world.host);
      cleanups.push(() => listener.close());
      const target = { host: world.host, port: listener.port, fingerprint: world.fingerprint };
      expect(await codeOf(world.client.dial(target, new Side().events))).to.equal('E_KEY_CHANGED');
    });

    it('fails to dial where nobody listens', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      await gate.listener?.close();
      const target = { host: world.host, port, fingerprint: world.fingerprint };
      expect(await codeOf(world.client.dial(target, new Side().events))).to.equal('E_UNREACHABLE');
    });

    it('does not listen twice at one address', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      expect(await codeOf(new Gate().listen(world.gate, world.host, port))).to.equal('E_CONFIG');
    });

    it('sends what is queued before it closes, and tells both sides once', async () => {
      const [client, server] = await pair();
      server.link.send(filled(100_000));
      server.link.close('done');
      server.link.close('again');
      expect(server.link.send(filled(1))).to.equal(false);
      expect(await client.side.closed()).to.equal(undefined);
      expect(await server.side.closed()).to.equal('done');
      expect(client.side.frames.map(({ length }) => length)).to.deep.equal([100_000]);
      expect([client.side.closes.length, server.side.closes.length]).to.deep.equal([1, 1]);
    });

    it('drops what is queued when it is destroyed', async () => {
      const [client, server] = await pair();
      server.link.send(filled(100_000));
      server.link.destroy('enough');
      expect(server.side.closes).to.deep.equal(['enough']);
      await client.side.closed();
      expect(client.side.frames).to.deep.equal([]);
    });

    it('takes frames of HELLO_FRAME_BYTES_MAX before trust and closes at one byte more', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      const client = await dial(world, port);
      client.link.send(filled(HELLO_FRAME_BYTES_MAX));
      client.link.send(filled(HELLO_FRAME_BYTES_MAX + 1));
      await client.side.closed();
      const server = gate.accepted[0];
      expect(server?.side.frames.map(({ length }) => length)).to.deep.equal([
        HELLO_FRAME_BYTES_MAX,
      ]);
      expect(server?.side.closes).to.deep.equal(['frame too long']);
    });

    it('takes frames of CLIENT_FRAME_BYTES_MAX from the frame that brings trust on', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      const server = new Promise<Accepted>((resolve) => {
        gate.onLink = (accepted) => {
          accepted.side.onFrame = () => accepted.link.trust();
          resolve(accepted);
        };
      });
      const client = await dial(world, port);
      client.link.send(filled(1));
      client.link.send(filled(CLIENT_FRAME_BYTES_MAX));
      const { side } = await server;
      await side.until(() => side.frames.length === 2);
      expect(side.frames[1]?.length).to.equal(CLIENT_FRAME_BYTES_MAX);
    });

    it('closes a link that is not trusted in time', async () => {
      const world = makeWorld({ loginTimeoutMs: 30 });
      const { port } = await listen(world);
      const client = await dial(world, port);
      await client.side.closed();
      expect(gate.accepted[0]?.side.closes).to.deep.equal(['not authenticated in time']);
    });

    it('keeps a trusted link past the login timeout', async () => {
      const world = makeWorld({ loginTimeoutMs: 50 });
      const { port } = await listen(world);
      gate.onLink = ({ link }) => {
        if (gate.accepted.length === 1) link.trust();
      };
      const trusted = await dial(world, port);
      const untrusted = await dial(world, port);
      await untrusted.side.closed();
      expect(trusted.side.closes).to.deep.equal([]);
    });

    it('turns away the newest of too many unauthenticated links; trust and an end make room', async () => {
      const world = makeWorld({ unauthenticatedPerSourceMax: 2 });
      const { port } = await listen(world);
      const first = await dial(world, port);
      await dial(world, port);
      await accepts(2);
      const target = { host: world.host, port, fingerprint: world.fingerprint };
      expect(await codeOf(world.client.dial(target, new Side().events))).to.equal('E_UNREACHABLE');
      gate.accepted[1]?.link.trust();
      await dial(world, port);
      await accepts(3);
      expect(await codeOf(world.client.dial(target, new Side().events))).to.equal('E_UNREACHABLE');
      first.link.destroy();
      await gate.accepted[0]?.side.closed();
      await dial(world, port);
    });

    it('asks the writer to wait past the pause mark and says when to go on', async () => {
      const [client, server] = await pair({ writeBytesPause: 10_000 });
      expect(server.link.send(filled(5000))).to.equal(true);
      expect(server.link.send(filled(6000))).to.equal(false);
      expect(server.link.pendingBytes).to.be.greaterThan(10_000);
      await server.side.until(() => server.side.writables === 1);
      expect(server.link.pendingBytes).to.be.at.most(10_000);
      await client.side.until(() => client.side.frames.length === 2);
    });

    it('gives up a client that does not read for too long', async () => {
      const world = makeWorld({
        writeBytesMax: 8_000_000,
        writeBytesHardMax: 100_000_000,
        writeStallMs: 50,
      });
      const accepted = new Promise<Accepted>((resolve) => {
        gate.onLink = resolve;
      });
      const { port } = await listen(world);
      const deaf = await world.dialDeaf(port);
      cleanups.push(() => deaf.close());
      const server = await accepted;
      server.link.trust();
      while (server.link.pendingBytes < 20_000_000)
        server.link.send(filled(CLIENT_FRAME_BYTES_MAX));
      expect(await server.side.closed()).to.equal('the other side does not read');
    });

    it('gives up at once a link whose writer ignores the pause mark', async () => {
      const [, server] = await pair({ writeBytesHardMax: 1_000_000 });
      for (let count = 0; count < 5; count++) server.link.send(filled(CLIENT_FRAME_BYTES_MAX));
      expect(server.side.closes).to.deep.equal(['far too much to write']);
      expect(server.link.pendingBytes).to.equal(0);
    });

    it('stops accepting without ending open links', async () => {
      const world = makeWorld();
      const { port } = await listen(world);
      const client = await dial(world, port);
      await accepts(1);
      gate.listener?.stopAccepting();
      const target = { host: world.host, port, fingerprint: world.fingerprint };
      expect(await codeOf(world.client.dial(target, new Side().events))).to.equal('E_UNREACHABLE');
      client.link.send(filled(5));
      const side = gate.accepted[0]?.side ?? new Side();
      await side.until(() => side.frames.length === 1);
    });

    it('ends open links when the listener closes', async () => {
      const [client, server] = await pair();
      await gate.listener?.close();
      await client.side.closed();
      await server.side.closed();
    });

    it('tells of the end of a link that the gate destroys while accepting it', async () => {
      const world = makeWorld();
      gate.onLink = ({ link }) => link.destroy('draining');
      const { port } = await listen(world);
      const client = await dial(world, port);
      await client.side.closed();
      await gate.accepted[0]?.side.closed();
      expect(gate.accepted[0]?.side.closes).to.deep.equal(['draining']);
    });
  });
}

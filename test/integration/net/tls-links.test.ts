import { connect as connectTcp, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { expect } from 'chai';
import { createTlsIdentity, identityFingerprint } from '../../../src/net/certificate.ts';
import type {
  ClientLink,
  ClientLinkEvents,
  LinkListener,
  LinkNetwork,
} from '../../../src/net/client-link.ts';
import type { LinkLimits } from '../../../src/net/link-limits.ts';
import { createTlsNetwork } from '../../../src/net/tls-links.ts';
import { systemRandom } from '../../../src/ops/random.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { CLIENT_FRAME_BYTES_MAX, TLS_TICKET_KEY_BYTES } from '../../../src/protocol/limits.ts';
import { frameHead } from '../../support/frame-head.ts';

const HOST = '127.0.0.1';
const identity = createTlsIdentity(systemRandom);
const fingerprint = identityFingerprint(identity);

const ignore: ClientLinkEvents = {
  onFrame: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
};

/** Resolves when the socket is closed, in order or not. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.resume();
  });
}

interface TestGate {
  readonly listener: LinkListener;
  readonly reasons: Array<string | undefined>;
  readonly links: ClientLink[];
  /** Resolves at the first end of a link after which so many have ended. */
  readonly ended: (count: number) => Promise<void>;
}

describe('TLS gate', () => {
  let cleanups: Array<() => unknown>;

  beforeEach(() => {
    cleanups = [];
  });

  afterEach(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  /** A gate that trusts whoever sends a frame and sends that frame back. */
  async function openGate(
    limits: Partial<LinkLimits> = {},
    ticketKeys?: Uint8Array,
    onSocket?: (links: ClientLink[]) => void,
  ): Promise<TestGate> {
    const reasons: Array<string | undefined> = [];
    const links: ClientLink[] = [];
    let wake: () => void = () => undefined;
    const network = createTlsNetwork({ identity, limits, ...(ticketKeys && { ticketKeys }) });
    const listener = await network.listen({
      host: HOST,
      port: 0,
      onLink: (link) => {
        links.push(link);
        onSocket?.(links);
        return {
          onFrame: (frame) => {
            link.trust();
            link.send(Uint8Array.from(frame));
          },
          onWritable: () => undefined,
          onClose: (reason) => {
            reasons.push(reason);
            wake();
          },
        };
      },
    });
    cleanups.push(() => listener.close());
    const ended = async (count: number): Promise<void> => {
      while (reasons.length < count)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    };
    return { listener, reasons, links, ended };
  }

  /** A raw TLS client, as an attacker would use it. */
  async function rawClient(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connectTls({
      host: HOST,
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['fastchat/1'],
      ...options,
    });
    cleanups.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Sends a frame by an honest client and waits until it is back. */
  async function echo(port: number, network: LinkNetwork = createTlsNetwork()): Promise<number> {
    let link: ClientLink | undefined;
    const answer = new Promise<number>((resolve, reject) => {
      const onFrame = (frame: Uint8Array): void => resolve(frame.length);
      const events = { ...ignore, onFrame, onClose: reject };
      network.dial({ host: HOST, port, fingerprint }, events).then((dialled) => {
        link = dialled.link;
        link.send(new Uint8Array(100));
      }, reject);
    });
    const length = await answer;
    link?.destroy();
    return length;
  }

  it('resumes a session at another node that shares its ticket keys', async () => {
    const ticketKeys = systemRandom.bytes(TLS_TICKET_KEY_BYTES);
    const [first, second, stranger] = [
      await openGate({}, ticketKeys),
      await openGate({}, ticketKeys),
      await openGate(),
    ];
    const reused: boolean[] = [];
    let session: Buffer | undefined;
    for (const { listener } of [first, second, stranger]) {
      const socket = connectTls({
        host: HOST,
        port: listener.port,
        rejectUnauthorized: false,
        ALPNProtocols: ['fastchat/1'],
        ...(session && { session }),
      });
      cleanups.push(() => socket.destroy());
      socket.resume();
      // A resumed handshake brings no new session: the first one goes on.
      if (session === undefined) [session] = (await once(socket, 'session')) as [Buffer];
      else await once(socket, 'secureConnect');
      reused.push(socket.isSessionReused());
    }
    expect(reused).to.deep.equal([false, true, false]);
    // The production client does so by itself, and still knows whose key it is.
    const network = createTlsNetwork();
    expect(await echo(first.listener.port, network)).to.equal(100);
    const again = await network.dial(
      { host: HOST, port: second.listener.port, fingerprint },
      ignore,
    );
    expect(Buffer.from(again.fingerprint)).to.deep.equal(Buffer.from(fingerprint));
    again.link.destroy();
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    const { listener } = await openGate();
    const socket = await rawClient(listener.port);
    expect(socket.getProtocol()).to.equal('TLSv1.3');
    const old = connectTls({
      host: HOST,
      port: listener.port,
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    });
    expect(await once(old, 'error')).to.have.length(1);
  });

  it('answers HTTP with a clear refusal, and closes what speaks neither', async () => {
    const { listener, links } = await openGate();
    const browser = await rawClient(listener.port, { ALPNProtocols: ['http/1.1'] });
    const [answer] = (await once(browser, 'data')) as [Buffer];
    expect(answer.toString()).to.match(/^HTTP\/1\.1 501 .*FastChat gate/s);
    await closed(browser);
    await closed(await rawClient(listener.port, { ALPNProtocols: [] }));
    expect(links).to.deep.equal([]);
  });

  it('refuses a key that only claims to be the pinned one', async () => {
    const impostor = createTlsNetwork({ identity: createTlsIdentity(systemRandom) });
    const listener = await impostor.listen({ host: HOST, port: 0, onLink: () => ignore });
    cleanups.push(() => listener.close());
    const dialled = createTlsNetwork().dial(
      { host: HOST, port: listener.port, fingerprint },
      ignore,
    );
    const code = await dialled.catch((error: unknown) => asFastChatError(error).code);
    expect(code).to.equal('E_KEY_CHANGED');
  });

  it('gives up dialling something that never answers', async () => {
    const mute = createServer(() => undefined).listen(0, HOST);
    await once(mute, 'listening');
    const sockets: Socket[] = [];
    mute.on('connection', (socket) => sockets.push(socket));
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy();
      mute.close();
    });
    const { port } = mute.address() as { port: number };
    const network = createTlsNetwork({ limits: { handshakeTimeoutMs: 50 } });
    const code = await network
      .dial({ host: HOST, port, fingerprint }, ignore)
      .catch((error: unknown) => asFastChatError(error).code);
    expect(code).to.equal('E_TIMEOUT');
  });

  it('sends all frames of one call in one write', async () => {
    const { listener, links } = await openGate();
    const socket = await rawClient(listener.port);
    socket.write(Buffer.concat([frameHead(1), Buffer.alloc(1)]));
    await once(socket, 'data');
    const chunks: number[] = [];
    const done = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk.length);
        if (chunks.reduce((sum, length) => sum + length, 0) >= 100 * 14) resolve();
      });
    });
    links[0]?.send(...Array.from({ length: 100 }, () => new Uint8Array(10)));
    await done;
    // One TLS record, so one chunk, although a hundred frames were sent.
    expect(chunks).to.deep.equal([1400]);
  });

  describe('under attack', () => {
    it('closes at a frame that is too long, before it has come', async () => {
      const { listener, reasons, ended } = await openGate();
      const socket = await rawClient(listener.port);
      socket.write(frameHead(CLIENT_FRAME_BYTES_MAX));
      await ended(1);
      expect(reasons).to.deep.equal(['frame too long']);
      expect(await echo(listener.port)).to.equal(100);
    });

    it('closes at garbage', async () => {
      const { listener, reasons, ended } = await openGate();
      const socket = await rawClient(listener.port);
      socket.write(Buffer.alloc(1000, 0xff));
      await ended(1);
      expect(reasons).to.deep.equal(['frame too long']);
    });

    it('closes a connection whose first frame never ends', async () => {
      const { listener, reasons, ended } = await openGate({ loginTimeoutMs: 100 });
      const socket = await rawClient(listener.port);
      socket.write(frameHead(10_000));
      const drip = setInterval(() => socket.write(Buffer.alloc(1)), 5);
      cleanups.push(() => clearInterval(drip));
      await ended(1);
      expect(reasons).to.deep.equal(['not authenticated in time']);
      expect(await echo(listener.port)).to.equal(100);
    });

    it('closes a connection that sends no TLS, or nothing at all', async () => {
      const { listener, links } = await openGate({ handshakeTimeoutMs: 100 });
      const sockets = [connectTcp(listener.port, HOST), connectTcp(listener.port, HOST)];
      const ends = sockets.map((socket) => {
        return closed(socket);
      });
      sockets[0]?.write('GET / HTTP/1.0\r\n\r\n');
      await Promise.all(ends);
      expect(links).to.deep.equal([]);
      expect(await echo(listener.port)).to.equal(100);
    });

    it('bounds 300 connections that never say anything and serves an honest client meanwhile', async () => {
      const perSource = 100;
      const { listener } = await openGate({ unauthenticatedPerSourceMax: perSource });
      let open = 0;
      const settled = Array.from(
        { length: 300 },
        () =>
          new Promise<void>((resolve) => {
            const socket = connectTcp({
              port: listener.port,
              host: HOST,
              localAddress: '127.0.0.2',
            });
            cleanups.push(() => socket.destroy());
            socket.on('error', () => undefined);
            socket.on('close', () => {
              open -= 1;
              resolve();
            });
            socket.on('connect', () => {
              open += 1;
              if (open <= perSource) resolve();
            });
            socket.resume();
          }),
      );
      await Promise.all(settled);
      expect(await echo(listener.port)).to.equal(100);
      expect(open).to.be.at.most(perSource);
    });

    it('lets authenticated clients of a flooding source go on', async () => {
      const { listener, links } = await openGate({ unauthenticatedPerSourceMax: 3 });
      const network = createTlsNetwork();
      let onFrame: () => void = () => undefined;
      const events = { ...ignore, onFrame: () => onFrame() };
      const { link } = await network.dial({ host: HOST, port: listener.port, fingerprint }, events);
      const answered = (): Promise<void> =>
        new Promise((resolve) => {
          onFrame = resolve;
          link.send(new Uint8Array(10));
        });
      await answered();
      for (let count = 0; count < 3; count++) await rawClient(listener.port);
      const refused = connectTcp(listener.port, HOST);
      await closed(refused);
      await answered();
      expect(links.length).to.be.at.least(1);
      link.destroy();
    });

    it('stops reading from a client that does not take its answers, then gives it up', async () => {
      const { listener, links, reasons, ended } = await openGate({ writeStallMs: 100 });
      const socket = await rawClient(listener.port);
      socket.pause();
      const request = Buffer.concat([frameHead(100_000), Buffer.alloc(100_000)]);
      socket.write(Buffer.concat([frameHead(1), Buffer.alloc(1)]));
      const flood = setInterval(() => {
        if (socket.writableLength < 1_000_000) socket.write(request);
      }, 1);
      cleanups.push(() => clearInterval(flood));
      const server = await new Promise<ClientLink>((resolve) => {
        const look = setInterval(() => {
          const link = links[0];
          if (link === undefined || link.pendingBytes <= 256 * 1024) return;
          clearInterval(look);
          resolve(link);
        }, 1);
        cleanups.push(() => clearInterval(look));
      });
      const bound = 1024 * 1024;
      expect(server.pendingBytes).to.be.lessThan(bound);
      // Answers stay below the mark because requests are no longer read; a push of others' messages goes over it.
      while (server.pendingBytes <= bound) server.send(new Uint8Array(CLIENT_FRAME_BYTES_MAX));
      await ended(1);
      expect(reasons).to.deep.equal(['the other side does not read']);
      expect(await echo(listener.port)).to.equal(100);
    });
  });
});

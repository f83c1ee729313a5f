import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { expect } from 'chai';
import { Context, Dealer } from 'zeromq';
import { createMesh } from '../../../src/net/mesh.ts';
import type { Mesh } from '../../../src/net/mesh.ts';
import type { MeshLimits } from '../../../src/net/mesh-limits.ts';
import type { PeerAddress } from '../../../src/net/transport.ts';
import { generateCurveKeys, toZ85 } from '../../../src/net/zmq-curve.ts';
import type { CurveKeys } from '../../../src/net/zmq-curve.ts';
import { openZmqTransport } from '../../../src/net/zmq-transport.ts';
import type { ZmqTransportEvent } from '../../../src/net/zmq-transport.ts';
import { systemClock } from '../../../src/ops/clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';
import { asFastChatError } from '../../../src/protocol/errors.ts';
import { MESH_FRAME_BYTES_MAX, MESH_PIPE_FRAMES_MAX } from '../../../src/protocol/limits.ts';

const N1 = parseNodeId('n1');
const N2 = parseNodeId('n2');
/** Longer than any layer below waits for a silent peer. */
const STOPPED_MS = 2500;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Node {
  readonly mesh: Mesh;
  readonly keys: CurveKeys;
  readonly events: ZmqTransportEvent[];
  readonly changes: string[];
  /** Resolves at the first transport event or peer change after which `condition` holds. */
  until(condition: () => boolean): Promise<void>;
}

interface BootOptions {
  readonly keys?: CurveKeys;
  readonly bind?: string;
  readonly bootId?: string;
  readonly limits?: Partial<MeshLimits>;
}

async function boot(self: NodeId, options: BootOptions = {}): Promise<Node> {
  const keys = options.keys ?? generateCurveKeys();
  const events: ZmqTransportEvent[] = [];
  const changes: string[] = [];
  let wake: () => void = () => undefined;
  const transport = await openZmqTransport({
    self,
    bind: options.bind ?? 'tcp://127.0.0.1:0',
    curve: keys,
    onPeerEvent: (event) => {
      events.push(event);
      wake();
    },
  });
  const mesh = createMesh({
    transport,
    clock: systemClock,
    bootId: options.bootId ?? `${self}-1`,
    heartbeat: () => utf8('load'),
    limits: { heartbeatIntervalMs: 50, ...options.limits },
  });
  mesh.onPeer((peer, change) => {
    changes.push(`${peer} ${change}`);
    wake();
  });
  mesh.onHeartbeat(() => wake());
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { mesh, keys, events, changes, until };
}

function addressOf({ mesh, keys }: Node): PeerAddress {
  return { node: mesh.self, endpoint: mesh.endpoint, curveKey: keys.publicKey };
}

async function join(left: Node, right: Node): Promise<void> {
  left.mesh.connect(addressOf(right));
  right.mesh.connect(addressOf(left));
  await Promise.all([
    left.until(() => left.changes.at(-1) === `${right.mesh.self} up`),
    right.until(() => right.changes.at(-1) === `${left.mesh.self} up`),
  ]);
}

function serveEcho({ mesh }: Node): void {
  mesh.serve('actor', { request: (_from, payload, reply) => reply(utf8(`${textOf(payload)}!`)) });
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    (error: unknown) => asFastChatError(error).code,
  );

describe('mesh over ZeroMQ', () => {
  let cleanups: Array<() => unknown>;

  beforeEach(() => {
    cleanups = [];
  });

  afterEach(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  });

  async function start(self: NodeId, options?: BootOptions): Promise<Node> {
    const node = await boot(self, options);
    cleanups.push(() => node.mesh.close());
    return node;
  }

  /** On the address of a mesh that was closed: libzmq lets go of it a little later, and tells nobody. */
  async function restart(self: NodeId, options: BootOptions): Promise<Node> {
    for (;;)
      try {
        return await start(self, options);
      } catch (cause) {
        if (asFastChatError(cause).code !== 'E_CONFIG') throw cause;
        await new Promise<void>((resolve) => systemClock.after(1, resolve));
      }
  }

  async function pair(options?: BootOptions): Promise<[Node, Node]> {
    const nodes: [Node, Node] = [await start(N1, options), await start(N2, options)];
    await join(...nodes);
    return nodes;
  }

  it('asks and answers', async () => {
    const [one, two] = await pair();
    serveEcho(two);
    serveEcho(one);
    expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('hi')))).to.equal('hi!');
    expect(textOf(await two.mesh.requestAsync(N1, 'actor', utf8('ho')))).to.equal('ho!');
  });

  it('answers ten thousand requests of one turn, each its own', async () => {
    const [one, two] = await pair();
    serveEcho(two);
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, (_, number) =>
        one.mesh.requestAsync(N2, 'actor', utf8(String(number))),
      ),
    );
    expect(answers.every((answer, number) => textOf(answer) === `${number}!`)).to.equal(true);
    expect(one.mesh.counters().dropped).to.deep.include({ hwm: 0, gap: 0, late: 0 });
    expect(one.mesh.counters().frames.get(N2)?.out).to.be.lessThan(200);
  });

  it('fails open requests at once when the peer goes', async () => {
    const [one, two] = await pair();
    two.mesh.serve('actor', { request: () => void two.mesh.close() });
    expect(await codeOf(one.mesh.requestAsync(N2, 'actor', utf8('x'), 60_000))).to.equal(
      'E_UNREACHABLE',
    );
    expect(one.changes.at(-1)).to.equal('n2 down');
  });

  it('counts what a killed peer never confirmed', async () => {
    const [one, two] = await pair();
    one.mesh.tell(N2, 'gossip', utf8('x'));
    await two.mesh.close();
    await one.until(() => one.changes.at(-1) === 'n2 down');
    expect(one.mesh.counters().dropped.unconfirmed).to.be.greaterThan(0);
  });

  it('links again with a peer that restarted under a new boot id', async () => {
    const [one, two] = await pair();
    await two.mesh.close();
    const reborn = await restart(N2, { keys: two.keys, bind: two.mesh.endpoint, bootId: 'n2-2' });
    serveEcho(reborn);
    reborn.mesh.connect(addressOf(one));
    await one.until(() => one.mesh.peers()[0]?.bootId === 'n2-2' && one.changes.at(-1) === 'n2 up');
    expect(one.changes).to.deep.equal(['n2 up', 'n2 down', 'n2 up']);
    expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('again')))).to.equal('again!');
  });

  it('fails requests above a blocked outbox at once, and serves again when it has drained', async () => {
    const [one, two] = await pair({ limits: { outboxBytesMax: 4 * 1024 * 1024 } });
    let told = 0;
    two.mesh.serve('gossip', { tell: () => (told += 1) });
    serveEcho(two);
    // Both nodes share this event loop, so within one turn nothing is read at the other side.
    let accepted = 0;
    while (one.mesh.tell(N2, 'gossip', new Uint8Array(64 * 1024))) accepted += 1;
    const asked = one.mesh.requestAsync(N2, 'actor', new Uint8Array(64 * 1024));
    expect(await codeOf(asked)).to.equal('E_UNREACHABLE');
    expect(one.mesh.counters().dropped.hwm).to.equal(2);
    await one.until(() => one.mesh.outboxFill() === 0);
    expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('free')))).to.equal('free!');
    expect(told).to.equal(accepted);
  });

  it('keeps out a node whose key is not admitted, and lets it in as soon as it is', async () => {
    const [one, two] = [await start(N1), await start(N2)];
    two.mesh.connect(addressOf(one));
    await two.until(() => two.events.some(({ type }) => type === 'denied'));
    await one.until(() => one.events.some(({ type }) => type === 'refused'));
    expect([one.changes, two.changes]).to.deep.equal([[], []]);
    one.mesh.connect(addressOf(two));
    await two.until(() => two.changes.at(-1) === 'n1 up');
  });

  it('does not talk to somebody else at the address of a peer', async () => {
    const [one, two] = [await start(N1), await start(N2)];
    two.mesh.connect(addressOf(one));
    one.mesh.connect({ ...addressOf(two), curveKey: generateCurveKeys().publicKey });
    await two.until(() => two.events.some(({ type }) => type === 'denied'));
    expect(one.mesh.peers()[0]?.state).to.equal('dialing');
  });

  describe('under attack', () => {
    /** A DEALER of our own making, as an attacker or a broken node would use it. */
    function dealer(
      victim: Node,
      options: Partial<ConstructorParameters<typeof Dealer>[0]>,
    ): Dealer {
      const socket = new Dealer({ context: new Context(), linger: 0, sendTimeout: 0, ...options });
      cleanups.push(() => socket.close());
      // The first look at its events starts their recording.
      expect(socket.events.closed).to.equal(false);
      socket.connect(victim.mesh.endpoint);
      return socket;
    }

    function curveOptions(victim: Node, keys: CurveKeys): object {
      return {
        curvePublicKey: toZ85(keys.publicKey),
        curveSecretKey: toZ85(keys.secretKey),
        curveServerKey: toZ85(victim.keys.publicKey),
      };
    }

    async function nextEvent(socket: Dealer, types: readonly string[]): Promise<string> {
      for await (const { type } of socket.events) if (types.includes(type)) return type;
      return 'end';
    }

    it('lets nothing through from a key that is not admitted, under any name', async () => {
      const [one, two] = await pair();
      const intruder = dealer(one, { routingId: N2, ...curveOptions(one, generateCurveKeys()) });
      const verdict = nextEvent(intruder, ['handshake', 'handshake:error:auth']);
      expect(await verdict).to.equal('handshake:error:auth');
      serveEcho(two);
      expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('still')))).to.equal('still!');
      expect(one.changes).to.deep.equal(['n2 up']);
    });

    it('lets nothing through without CURVE', async () => {
      const [one] = await pair();
      const plain = dealer(one, { routingId: 'n3', handshakeInterval: 500 });
      const refusals = [
        'handshake',
        'handshake:error:protocol',
        'handshake:error:other',
        'disconnect',
      ];
      expect(await nextEvent(plain, refusals)).to.not.equal('handshake');
      expect(one.changes).to.deep.equal(['n2 up']);
    });

    it('survives garbage on the port', async () => {
      const [one, two] = await pair();
      const { port } = new URL(one.mesh.endpoint.replace('tcp:', 'http:'));
      await new Promise<void>((resolve) => {
        const socket = connectTcp(Number(port), '127.0.0.1');
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.resume();
        socket.end(Buffer.alloc(100_000, 0xa5));
      });
      serveEcho(two);
      expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('still')))).to.equal('still!');
    });

    it('counts and ignores what an admitted node should not send', async () => {
      const one = await start(N1);
      const keys = generateCurveKeys();
      one.mesh.connect({ node: N2, endpoint: 'tcp://127.0.0.1:9', curveKey: keys.publicKey });
      const rogue = dealer(one, { routingId: N2, ...curveOptions(one, keys) });
      const stranger = dealer(one, { routingId: 'n9', ...curveOptions(one, keys) });
      await Promise.all([rogue, stranger].map((socket) => nextEvent(socket, ['handshake'])));
      await rogue.send(Buffer.from('not msgpack'));
      await rogue.send(Buffer.alloc(0));
      await rogue.send(['two', 'frames']);
      await stranger.send('hello');
      await one.until(
        () =>
          one.mesh.counters().dropped.decode >= 2 &&
          one.events.filter(({ type }) => type === 'dropped').length >= 2,
      );
      expect(one.changes).to.deep.equal([]);
    });

    it('ends the connection of a node that sends more than a frame may hold', async () => {
      const one = await start(N1);
      const keys = generateCurveKeys();
      one.mesh.connect({ node: N2, endpoint: 'tcp://127.0.0.1:9', curveKey: keys.publicKey });
      const rogue = dealer(one, { routingId: N2, ...curveOptions(one, keys) });
      await nextEvent(rogue, ['handshake']);
      const ended = nextEvent(rogue, ['disconnect']);
      await rogue.send(new Uint8Array(MESH_FRAME_BYTES_MAX + 1));
      expect(await ended).to.equal('disconnect');
      expect(one.mesh.counters().dropped.decode).to.equal(0);
    });
  });

  describe('with the peer in another process', () => {
    const CHILD = new URL('./mesh-child.ts', import.meta.url).pathname;

    /** Starts a node that echoes; resolves when it is up for `one`. */
    async function startChild(one: Node): Promise<ChildProcess> {
      const keys = generateCurveKeys();
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
      const own = [hex(keys.publicKey), hex(keys.secretKey)];
      const peer = [one.mesh.endpoint, hex(one.keys.publicKey)];
      const child = spawn(process.execPath, ['--import', 'tsx', CHILD, ...own, ...peer], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      cleanups.push(() => child.kill('SIGKILL'));
      const endpoint = await new Promise<string>((resolve) => {
        child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      });
      one.mesh.connect({ node: N2, endpoint, curveKey: keys.publicKey });
      await one.until(() => one.changes.at(-1) === 'n2 up');
      return child;
    }

    it('fails open requests at once when it is killed, and counts what it had not confirmed', async () => {
      const one = await start(N1);
      const child = await startChild(one);
      expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('hi')))).to.equal('hi!');
      const open = Array.from({ length: 100 }, () =>
        codeOf(one.mesh.requestAsync(N2, 'session', utf8('never answered'), 60_000)),
      );
      child.kill('SIGKILL');
      expect(new Set(await Promise.all(open))).to.deep.equal(new Set(['E_UNREACHABLE']));
      expect(one.mesh.counters().dropped.unconfirmed).to.be.greaterThan(0);
    }).timeout(10_000);

    it('does not die of what came while it was stopped, more than it can take at once', async () => {
      // More patience than the child needs for two seconds of work in one turn.
      const one = await start(N1, { limits: { peerSilentMs: 10_000 } });
      const child = await startChild(one);
      child.kill('SIGSTOP');
      // Each message a frame, and each frame 10 ms of work: the pipe stays full for longer than libzmq has patience.
      for (let frame = 0; frame < 3 * MESH_PIPE_FRAMES_MAX; frame += 1) {
        one.mesh.tell(N2, 'session', utf8('10'));
        await new Promise<void>((resolve) => systemClock.soon(resolve));
      }
      await new Promise<void>((resolve) => systemClock.after(STOPPED_MS, resolve));
      child.kill('SIGCONT');
      expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('back'), 15_000))).to.equal(
        'back!',
      );
      expect(one.changes).to.deep.equal(['n2 up']);
      expect([child.exitCode, child.signalCode]).to.deep.equal([null, null]);
    }).timeout(30_000);

    it('notices that it is stopped, and has it back when it goes on', async () => {
      const one = await start(N1, { limits: { peerSilentMs: 300 } });
      const child = await startChild(one);
      const open = codeOf(one.mesh.requestAsync(N2, 'session', utf8('never answered'), 60_000));
      child.kill('SIGSTOP');
      expect(await open).to.equal('E_UNREACHABLE');
      child.kill('SIGCONT');
      await one.until(() => one.changes.at(-1) === 'n2 up');
      expect(textOf(await one.mesh.requestAsync(N2, 'actor', utf8('back')))).to.equal('back!');
    }).timeout(10_000);
  });
});

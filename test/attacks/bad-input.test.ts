/** Bad input at a real node, from outside, beside two honest people whose messages it must not cost anything. */
import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { RawLink } from '../../bench/generator/raw-link.ts';
import { generateCurveKeys } from '../../src/net/zmq-curve.ts';
import { openZmqTransport } from '../../src/net/zmq-transport.ts';
import { MESH_SERVICES, encodeBatch, meshMessage } from '../../src/net/mesh-frames.ts';
import { FrameSplitter, streamOf } from '../../src/net/framing.ts';
import { startDevCluster } from '../../src/node/dev-cluster.ts';
import type { DevCluster } from '../../src/node/dev-cluster.ts';
import { NodeHome } from '../../src/node/node-home.ts';
import { systemClock } from '../../src/ops/clock.ts';
import { clientCalls } from '../../src/protocol/client-calls.ts';
import { decodeRaw, encodeRaw } from '../../src/protocol/codec.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import {
  ARRAY_ITEMS_MAX,
  CLIENT_FRAME_BYTES_MAX,
  HELLO_FRAME_BYTES_MAX,
  UNAUTHENTICATED_PER_SOURCE_MAX,
} from '../../src/protocol/limits.ts';
import { temporaryFolder } from '../support/processes.ts';
import { HonestPair } from './honest-pair.ts';
import { RawDevice, greet } from './raw-device.ts';

const HELLO = encodeRaw([
  clientCalls.packRequest(1, { type: 'hello', versionMin: 1, versionMax: 1, agent: 'x' }),
]);

describe('bad input at a real node', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let cluster: DevCluster;
  let honest: HonestPair;
  let place: { host: string; port: number };

  before(async () => {
    cluster = await startDevCluster({ nodes: 1 });
    honest = await HonestPair.start(`${folder.path}/honest`, cluster.url);
    const [host = '', port = ''] = /\/\/([^:]+):(\d+)/.exec(cluster.url)?.slice(1) ?? [];
    place = { host, port: Number(port) };
  });

  afterEach(() => honest.exchange(5));

  after(async () => {
    await honest?.finish();
    await cluster?.stop();
    folder.remove();
  });

  /** Memory of the node, MiB. */
  function rss(): number {
    const pid = cluster.nodes[0]?.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  async function secure(): Promise<TLSSocket> {
    const socket = connectTls({
      ...place,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['fastchat/1'],
      rejectUnauthorized: false,
    });
    await once(socket, 'secureConnect');
    return socket;
  }

  async function ended(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    socket.resume();
    if (!socket.closed) await once(socket, 'close');
  }

  /** What the node answers to raw bytes before it closes the connection: items, without their ids. */
  async function answerTo(...chunks: readonly Uint8Array[]): Promise<readonly unknown[][]> {
    const socket = await secure();
    const items: unknown[][] = [];
    const splitter = new FrameSplitter(CLIENT_FRAME_BYTES_MAX, (frame) => {
      items.push(...(decodeRaw(Uint8Array.from(frame)) as unknown[][]));
    });
    socket.on('data', (chunk: Buffer) => splitter.push(chunk));
    for (const chunk of chunks) socket.write(chunk);
    await ended(socket);
    return items;
  }

  const framed = (body: Uint8Array): Uint8Array => streamOf([body]);

  /** The head of a frame, whatever follows it. */
  function frameHead(length: number): Uint8Array {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, length);
    return head;
  }

  it('garbage in a frame is E_BAD_FRAME to the one who sent it', async () => {
    for (const body of [
      Uint8Array.of(0xc1),
      new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'),
      encodeRaw([[9999, 1]]),
      encodeRaw([[16, 1, 'x']]),
      encodeRaw({ a: 1 }),
    ]) {
      const items = await answerTo(framed(body));
      expect(items.map(([tag, id, code]) => [tag, id, code])).to.deep.equal([
        [1, 0, 'E_BAD_FRAME'],
      ]);
    }
  });

  it('arrays inside arrays, each announcing thousands, are refused and take no memory', async () => {
    const device = await RawDevice.register('bomber', cluster.url);
    const heads = (bytes: number): Uint8Array => {
      const bomb = new Uint8Array(bytes - (bytes % 3));
      for (let index = 0; index < bomb.length; index += 3)
        bomb.set([0xdc, ARRAY_ITEMS_MAX >> 8, ARRAY_ITEMS_MAX & 0xff], index);
      return bomb;
    };
    const before = rss();
    const items = await answerTo(framed(heads(HELLO_FRAME_BYTES_MAX)));
    expect(items.map(([, , code]) => code)).to.deep.equal(['E_BAD_FRAME']);
    for (let round = 0; round < 3; round += 1) {
      const link = await device.session(cluster.url);
      const closed = new Promise((resolve) => (link.onClose = resolve));
      link.add(heads(CLIENT_FRAME_BYTES_MAX - 3));
      link.flush();
      await closed;
    }
    expect(rss() - before, 'MiB').to.be.lessThan(100);
  });

  it('half a frame, an empty one and one that is too long end their connection', async () => {
    const half = await secure();
    half.write(framed(HELLO).subarray(0, 9));
    half.end();
    await ended(half);
    expect(await answerTo(frameHead(0))).to.deep.equal([]);
    expect(await answerTo(frameHead(HELLO_FRAME_BYTES_MAX + 1))).to.deep.equal([]);
    expect(await answerTo(frameHead(0xffff_ffff), new Uint8Array(4096))).to.deep.equal([]);
  });

  it('a frame without end is cut off by the time for logging in', async () => {
    const socket = await secure();
    const gone = ended(socket);
    socket.write(frameHead(HELLO_FRAME_BYTES_MAX));
    let bytes = 0;
    const timer = setInterval(() => {
      if (bytes < HELLO_FRAME_BYTES_MAX - 1) socket.write(Uint8Array.of(0));
      bytes += 1;
    }, 50);
    await gone;
    clearInterval(timer);
    expect(bytes).to.be.greaterThan(10);
  });

  it('a client that never reads its letters holds no more of them in memory than its bound', async () => {
    const deaf = await RawDevice.register('deaf', cluster.url);
    const writer = await RawDevice.register('writer', cluster.url);
    const from = await writer.session(cluster.url);
    const { incarnation } = await from.call('keys', { user: deaf.account.user });
    for (let counter = 1; counter <= 20; counter += 1) {
      const change = { counter, body: new Uint8Array(90_000) };
      const envelope = writer.envelope(deaf.account.user, incarnation, change);
      await from.call('send', { envelope });
    }
    const link = await deaf.session(cluster.url);
    link.stopReading();
    const before = rss();
    const pull = { type: 'pull', log: deaf.account.user, from: 1, limit: 256 } as const;
    // 1,000 answers of 180 kB each.
    for (let id = 1; id <= 1000; id += 1) link.add(encodeRaw(clientCalls.packRequest(id, pull)));
    link.flush();
    await honest.exchange(20);
    expect(rss() - before, 'MiB').to.be.lessThan(100);
    link.destroy();
    from.destroy();
  });

  it('1,000 connections that never log in are bounded, and cost nobody else anything', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const socket = connect(place);
        socket.on('error', () => undefined);
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
        return socket;
      }),
    );
    await honest.exchange(5);
    const metrics = await (await fetch(new URL('/metrics', cluster.nodes[0]?.ready.http))).text();
    expect(metrics).to.contain('fastchat_');
    await Promise.all(sockets.map((socket) => ended(socket)));
    const { link } = await greet(cluster.url);
    link.destroy();
    expect(UNAUTHENTICATED_PER_SOURCE_MAX).to.be.lessThan(1000);
  });

  it('a peer without the key of the cluster gets nowhere on the mesh', async () => {
    const home = new NodeHome(`${cluster.dataDir}/n1`);
    const identity = await home.readIdentity();
    if (identity === undefined) throw new Error('no identity');
    const stranger = await openZmqTransport({
      self: parseNodeId('stranger'),
      bind: 'tcp://127.0.0.1:0',
      curve: generateCurveKeys(),
      clock: systemClock,
    });
    const heard: unknown[] = [];
    stranger.start({
      onFrame: (_, frame) => heard.push(frame),
      onWritable: () => heard.push('writable'),
      onDown: () => undefined,
    });
    const n1 = parseNodeId('n1');
    stranger.connect({
      node: n1,
      endpoint: cluster.nodes[0]?.ready.mesh ?? '',
      curveKey: identity.curvePublicKey,
    });
    const tell = {
      type: 'tell',
      service: MESH_SERVICES.actor,
      payload: new Uint8Array(3),
    } as const;
    for (let round = 0; round < 20; round += 1) {
      stranger.send(n1, encodeBatch(1, round, [meshMessage.pack(tell)]));
      await honest.exchange(1);
    }
    expect(heard).to.deep.equal([]);
    await stranger.close();
  });

  it('many sessions of one account that all break the protocol do not cost another account its own', async () => {
    const device = await RawDevice.register('breaker', cluster.url);
    for (let round = 0; round < 20; round += 1) {
      const link = await device.session(cluster.url);
      const closed = new Promise((resolve) => (link.onClose = resolve));
      link.add(Uint8Array.of(0xc1));
      link.flush();
      await closed;
    }
    const link = await RawLink.dial(place);
    link.destroy();
  });
});

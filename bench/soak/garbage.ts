/** Connections that no client makes: one every so often, each of another kind. What they get back does not matter. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ALPN_FASTCHAT, ALPN_HTTP } from '../../src/net/tls-gate.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/limits.ts';
import { clientCalls } from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import type { Random } from '../../src/ops/random.ts';

export interface Gate {
  readonly host: string;
  readonly port: number;
}

/** Longer than a gate waits for anybody who does not log in. */
const GIVE_UP_MS = 15_000;

function framed(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

const versions = { versionMin: PROTOCOL_VERSION, versionMax: PROTOCOL_VERSION };
const HELLO = clientCalls.packRequest(1, { type: 'hello', ...versions, agent: 'garbage' });
const PING = clientCalls.packRequest(2, { type: 'ping' });

type Kind = (gate: Gate, random: Random) => Socket;

const overTls =
  (protocol: string, bytesOf: (random: Random) => Uint8Array | undefined): Kind =>
  (gate, random) => {
    const socket = connectTls({
      ...gate,
      minVersion: 'TLSv1.3',
      ALPNProtocols: [protocol],
      rejectUnauthorized: false,
    });
    const bytes = bytesOf(random);
    if (bytes !== undefined) socket.once('secureConnect', () => socket.write(bytes));
    return socket;
  };

const KINDS: readonly Kind[] = [
  (gate, random) => {
    const socket = connect(gate);
    socket.once('connect', () => socket.write(random.bytes(200)));
    return socket;
  },
  (gate) => connect(gate),
  overTls(ALPN_FASTCHAT, () => undefined),
  overTls(ALPN_FASTCHAT, (random) => random.bytes(500)),
  overTls(ALPN_FASTCHAT, (random) => framed(random.bytes(500))),
  overTls(ALPN_FASTCHAT, () => framed(encodeRaw([HELLO, PING, PING]))),
  overTls(ALPN_FASTCHAT, () => framed(encodeRaw([HELLO])).subarray(0, 9)),
  overTls(ALPN_HTTP, () => Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
];

export class Garbage {
  readonly #gate: Gate;
  readonly #random: Random;
  readonly #open = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;
  made = 0;

  constructor(gate: Gate, random: Random, intervalMs: number) {
    this.#gate = gate;
    this.#random = random;
    this.#timer = setInterval(() => this.#make(), intervalMs);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const socket of this.#open) socket.destroy();
  }

  #make(): void {
    const kind = KINDS[this.made % KINDS.length];
    this.made += 1;
    if (kind === undefined) return;
    const socket = kind(this.#gate, this.#random);
    this.#open.add(socket);
    const giveUp = setTimeout(() => socket.destroy(), GIVE_UP_MS);
    // That it is closed is what should happen to it.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(giveUp);
      this.#open.delete(socket);
    });
    socket.resume();
  }
}

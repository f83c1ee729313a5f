/** Connections that never log in, from several addresses; whatever is closed comes again. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { GatePlace } from '../../src/client/connect-url.ts';
import { streamOf } from '../../src/net/framing.ts';
import { ALPN_FASTCHAT } from '../../src/net/tls-gate.ts';
import { clientCalls } from '../../src/protocol/client-calls.ts';
import { encodeRaw } from '../../src/protocol/codec.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/limits.ts';

export interface CrowdSize {
  readonly connections: number;
  /** Addresses that they come from; a machine has as many loopback addresses as one likes. */
  readonly sources: number;
}

const COME_AGAIN_MS = 100;

const versions = { versionMin: PROTOCOL_VERSION, versionMax: PROTOCOL_VERSION };
const hello = clientCalls.packRequest(1, { type: 'hello', ...versions, agent: 'crowd' });
const HELLO = streamOf([encodeRaw([hello])]);

type Place = GatePlace & { readonly localAddress: string };

function dialTls(place: Place): Socket {
  return connectTls({
    ...place,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [ALPN_FASTCHAT],
    rejectUnauthorized: false,
  });
}

/** Some say nothing at all, some nothing after the handshake, some nothing after hello. */
const KINDS: ReadonlyArray<(place: Place) => Socket> = [
  (place) => connect(place),
  dialTls,
  dialTls,
  (place) => {
    const socket = dialTls(place);
    socket.once('secureConnect', () => socket.write(HELLO));
    return socket;
  },
];

export class Crowd {
  readonly #gate: GatePlace;
  readonly #size: CrowdSize;
  readonly #open = new Set<Socket>();
  #isDispersed = false;
  dials = 0;

  constructor(gate: GatePlace, size: CrowdSize) {
    this.#gate = gate;
    this.#size = size;
    for (let index = 0; index < size.connections; index += 1) this.#come(index);
  }

  disperse(): void {
    this.#isDispersed = true;
    for (const socket of this.#open) socket.destroy();
  }

  #come(index: number): void {
    if (this.#isDispersed) return;
    const localAddress = `127.0.1.${1 + (index % this.#size.sources)}`;
    const socket = KINDS[index % KINDS.length]?.({ ...this.#gate, localAddress });
    if (socket === undefined) return;
    this.dials += 1;
    this.#open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#open.delete(socket);
      setTimeout(() => this.#come(index), COME_AGAIN_MS);
    });
    socket.resume();
  }
}

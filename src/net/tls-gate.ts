/**
 * The port of a gate. A connection is counted before TLS spends anything on it, and dispatched by ALPN after its
 * handshake: `fastchat/1` carries frames, `http/1.1` is handed on (browsers), anything else is closed.
 */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Clock } from '../ops/clock.ts';
import { FastChatError } from '../protocol/errors.ts';
import { TLS_SESSION_LIFETIME_MS } from '../protocol/limits.ts';
import { Admission } from './admission.ts';
import type { AdmissionSlot } from './admission.ts';
import type { TlsIdentity } from './certificate.ts';
import type { GateOptions, LinkListener } from './client-link.ts';
import type { LinkLimits } from './link-limits.ts';
import { TlsLink } from './tls-link.ts';

export const ALPN_FASTCHAT = 'fastchat/1';
export const ALPN_HTTP = 'http/1.1';
/** The one we like best comes first. */
const PROTOCOLS = [ALPN_FASTCHAT, ALPN_HTTP];

export interface TlsGateOptions extends GateOptions {
  readonly identity: TlsIdentity;
  /** 48 bytes shared by all nodes, so that a session begun at one resumes at any. */
  readonly ticketKeys: Uint8Array | undefined;
  readonly clock: Clock;
  readonly limits: LinkLimits;
  /** Takes connections that speak HTTP, and the duty to end those that do not authenticate; `trust`: one did. */
  readonly onHttp: (socket: TLSSocket, source: string, trust: () => void) => void;
}

const MS_PER_SECOND = 1000;

/** @throws E_CONFIG (the address cannot be listened on, the identity is unusable) */
export async function listenTls(options: TlsGateOptions): Promise<LinkListener> {
  const gate = new TlsGate(options);
  await gate.open();
  return gate;
}

class TlsGate implements LinkListener {
  readonly host: string;
  readonly #options: TlsGateOptions;
  readonly #admission: Admission;
  readonly #sockets = new Set<Socket>();
  /** By remote address and port: node hands out the TLS socket without a way back to the one it wraps. */
  readonly #slots = new Map<string, AdmissionSlot>();
  readonly #tls: TlsServer;
  readonly #server: Server;
  #port: number;

  constructor(options: TlsGateOptions) {
    this.host = options.host;
    this.#port = options.port;
    this.#options = options;
    this.#admission = new Admission(options.limits);
    this.#tls = this.#createTls();
    this.#server = createServer((socket) => this.#onConnection(socket));
    this.#server.maxConnections = options.limits.connections;
  }

  get port(): number {
    return this.#port;
  }

  open(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      // Once it listens, an error concerns a connection that could not be accepted, which nobody waits for.
      this.#server.on('error', (cause) =>
        reject(new FastChatError('E_CONFIG', `cannot listen on ${host}:${port}`, { cause })),
      );
      this.#server.listen({ host, port }, () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  stopAccepting(): void {
    this.#server.close();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #createTls(): TlsServer {
    const { identity, ticketKeys, limits } = this.#options;
    try {
      const tls = createTlsServer({
        ...identity,
        minVersion: 'TLSv1.3',
        // Of a list Node keeps a copy for every connection, and with it the 8 KiB of the pool that the copy lies in.
        ALPNCallback: ({ protocols }) => PROTOCOLS.find((ours) => protocols.includes(ours)),
        handshakeTimeout: limits.handshakeTimeoutMs,
        sessionTimeout: TLS_SESSION_LIFETIME_MS / MS_PER_SECOND,
        ...(ticketKeys === undefined ? {} : { ticketKeys: Buffer.from(ticketKeys) }),
      });
      tls.on('secureConnection', (socket) => this.#onSecure(socket));
      tls.on('tlsClientError', (_error, socket) => socket.destroy());
      return tls;
    } catch (cause) {
      throw new FastChatError('E_CONFIG', 'the TLS key, certificate or ticket key is unusable', {
        cause,
      });
    }
  }

  #onConnection(socket: Socket): void {
    const reset = (): void => void socket.resetAndDestroy();
    const slot = this.#admission.enter(socket.remoteAddress ?? '', reset);
    if (slot === undefined) return reset();
    const name = remoteName(socket);
    this.#sockets.add(socket);
    this.#slots.set(name, slot);
    socket.once('close', () => {
      slot.free();
      this.#sockets.delete(socket);
      this.#slots.delete(name);
    });
    this.#tls.emit('connection', socket);
  }

  #onSecure(socket: TLSSocket): void {
    const slot = this.#slots.get(remoteName(socket));
    if (slot === undefined) return void socket.destroy();
    if (socket.alpnProtocol === ALPN_FASTCHAT) this.#accept(socket, slot);
    else if (socket.alpnProtocol === ALPN_HTTP)
      this.#options.onHttp(socket, slot.source, () => slot.free());
    else socket.destroy();
  }

  #accept(socket: TLSSocket, slot: AdmissionSlot): void {
    const { clock, limits, onLink } = this.#options;
    const { source } = slot;
    const link = new TlsLink({ socket, source, clock, limits, onTrust: () => slot.free() });
    link.attach(onLink(link));
  }
}

function remoteName(socket: Socket): string {
  return `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
}

/** What `http/1.1` gets from a gate without a WebSocket door. */
export function refuseHttp(socket: TLSSocket): void {
  const text = 'This is a FastChat gate. It speaks fastchat/1 over TLS 1.3.\n';
  socket.on('error', () => socket.destroy());
  socket.write(
    [
      'HTTP/1.1 501 Not Implemented',
      'Content-Type: text/plain',
      `Content-Length: ${text.length}`,
      'Connection: close',
      '',
      text,
    ].join('\r\n'),
  );
  // Not `end`: whoever then keeps its side open would keep its place, too.
  socket.destroySoon();
}

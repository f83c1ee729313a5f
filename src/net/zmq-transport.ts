/**
 * Mesh frames over ZeroMQ. A node receives on one ROUTER and sends to each peer over a DEALER of its own, so whoever
 * sends knows from its own socket whether the peer takes more, and a frame arrives with the name its sender chose.
 *
 * Z1  Only peers whose CURVE key was given to `connect` complete a handshake; nothing else reaches the ROUTER.
 * Z2  Every message is a single frame: half a message cannot exist.
 * Z3  A peer's name is what it says it is: all admitted keys belong to nodes of one cluster, which trust each other.
 */
import { Context, Router } from 'zeromq';
import { systemClock } from '../ops/clock.ts';
import type { Clock } from '../ops/clock.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import type { PeerAddress, SendOutcome, Transport, TransportEvents } from './transport.ts';
import { toZ85 } from './zmq-curve.ts';
import type { CurveKeys } from './zmq-curve.ts';
import { MESH_SOCKET_OPTIONS, ZmqLink } from './zmq-link.ts';
import { openZapHandler, ZAP_DOMAIN } from './zmq-zap.ts';
import type { ZapHandler } from './zmq-zap.ts';

/** For logs and metrics only. */
export type ZmqTransportEvent =
  /** Somebody at `address` tried to connect with a key that is not admitted. */
  | { readonly type: 'refused'; readonly address: string }
  /** The peer refused us, or is not who its address says; dialled again later. */
  | { readonly type: 'denied'; readonly peer: NodeId }
  /** A message of a wrong shape or of a node that is not a peer was dropped. */
  | { readonly type: 'dropped' };

export interface ZmqTransportOptions {
  readonly self: NodeId;
  /** `tcp://host:port`; port 0 takes a free one. */
  readonly bind: string;
  readonly curve: CurveKeys;
  readonly clock?: Clock;
  readonly onPeerEvent?: (event: ZmqTransportEvent) => void;
}

/** Binds the mesh socket. @throws E_CONFIG (the address cannot be bound) */
export async function openZmqTransport(options: ZmqTransportOptions): Promise<Transport> {
  const context = new Context({ blocky: false });
  const links = new Map<NodeId, ZmqLink>();
  const report = options.onPeerEvent ?? (() => undefined);
  const zap = await openZapHandler({
    context,
    isAdmitted: (key) => [...links.values()].some(({ peer }) => key.equals(peer.curveKey)),
    onRefused: (address) => report({ type: 'refused', address }),
  });
  const router = new Router({
    ...MESH_SOCKET_OPTIONS,
    context,
    mandatory: true,
    // A restarted peer takes over from its own half-open connection; behind the gatekeeper nobody else can.
    handover: true,
    curveServer: true,
    curvePublicKey: toZ85(options.curve.publicKey),
    curveSecretKey: toZ85(options.curve.secretKey),
    zapDomain: ZAP_DOMAIN,
    zapEnforceDomain: true,
  });
  try {
    await router.bind(options.bind);
  } catch (cause) {
    router.close();
    zap.close();
    throw new FastChatError('E_CONFIG', `cannot bind the mesh address ${options.bind}`, { cause });
  }
  return new ZmqTransport({ ...options, report, context, router, zap, links });
}

interface Parts extends ZmqTransportOptions {
  readonly report: (event: ZmqTransportEvent) => void;
  readonly context: Context;
  readonly router: Router;
  readonly zap: ZapHandler;
  readonly links: Map<NodeId, ZmqLink>;
}

class ZmqTransport implements Transport {
  readonly endpoint: string;
  readonly #parts: Parts;
  #events: TransportEvents | undefined;
  #reader: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.endpoint = parts.router.lastEndpoint ?? parts.bind;
  }

  get self(): NodeId {
    return this.#parts.self;
  }

  start(events: TransportEvents): void {
    invariant(this.#events === undefined, 'a transport starts once');
    this.#events = events;
    this.#reader = this.#read(events);
  }

  connect(peer: PeerAddress): void {
    const { context, self, curve, links, report, router } = this.#parts;
    invariant(!router.closed, 'connect on a closed transport');
    links.get(peer.node)?.close();
    const link = new ZmqLink({
      context,
      self,
      curve,
      peer,
      clock: this.#parts.clock ?? systemClock,
      onWritable: () => this.#events?.onWritable(peer.node),
      onDown: () => this.#events?.onDown(peer.node),
      onDenied: () => report({ type: 'denied', peer: peer.node }),
    });
    links.set(peer.node, link);
  }

  forget(peer: NodeId): void {
    this.#parts.links.get(peer)?.close();
    this.#parts.links.delete(peer);
  }

  send(peer: NodeId, frame: Uint8Array): SendOutcome {
    return this.#parts.links.get(peer)?.send(frame) ?? 'down';
  }

  async close(): Promise<void> {
    const { links, router, zap } = this.#parts;
    for (const link of links.values()) link.close();
    links.clear();
    router.close();
    zap.close();
    await this.#reader;
  }

  /** The one reader of the ROUTER; ends when the socket closes. */
  async #read(events: TransportEvents): Promise<void> {
    for await (const [sender, frame, ...rest] of this.#parts.router) {
      // A forgotten peer stays connected until it goes: the gatekeeper is asked only at the handshake.
      const peer = sender === undefined ? undefined : this.#peerNamed(sender);
      if (peer === undefined || frame === undefined || rest.length > 0)
        this.#parts.report({ type: 'dropped' });
      else events.onFrame(peer, frame);
    }
  }

  #peerNamed(routingId: Buffer): NodeId | undefined {
    const name = routingId.toString('latin1') as NodeId;
    return this.#parts.links.get(name)?.peer.node;
  }
}

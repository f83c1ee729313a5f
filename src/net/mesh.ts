/**
 * Requests, tells and heartbeats between nodes, over any Transport.
 *
 * M1  Every request ends exactly once: an answer, E_UNREACHABLE, E_TIMEOUT or the error that the peer answered.
 * M2  Nothing is sent twice. A lost frame is counted, by the receiver as a gap, by the sender as unconfirmed.
 * M3  When a peer goes down (silent, broken link, restarted) the requests to it fail at once.
 * M4  Messages to one peer arrive in the order they were given, in one batch per event turn.
 * M5  Whatever a peer sends, the mesh does not throw: what it cannot use is counted and ignored.
 *
 * A handler gets views of the frame they came in: it copies what it keeps.
 */
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import { silentLog } from '../ops/log.ts';
import type { Log } from '../ops/log.ts';
import { systemRandom } from '../ops/random.ts';
import type { Random } from '../ops/random.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import { createMeshCounters } from './mesh-counters.ts';
import type { MeshCounters } from './mesh-counters.ts';
import { MESH_PAYLOAD_BYTES_MAX, MESH_SERVICES, meshMessage } from './mesh-frames.ts';
import type { MeshMessage, MeshService } from './mesh-frames.ts';
import { DEFAULT_MESH_LIMITS } from './mesh-limits.ts';
import type { MeshLimits } from './mesh-limits.ts';
import { MeshPeer } from './mesh-peer.ts';
import type { MeshHost, PeerView } from './mesh-peer.ts';
import { errorOf, MeshServices } from './mesh-services.ts';
import type { HeartbeatListener, MeshHandlers } from './mesh-services.ts';
import { OpenRequests } from './open-requests.ts';
import type { RequestDone, RequestResult } from './open-requests.ts';
import type { PeerAddress, Transport } from './transport.ts';

export interface MeshOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random?: Random;
  /** Names this life of the node: another value after every start, at most BOOT_ID_LENGTH_MAX characters. */
  readonly bootId: string;
  /** The load report for the next heartbeat, at most LOAD_REPORT_BYTES_MAX bytes. */
  readonly heartbeat: () => Uint8Array;
  readonly limits?: Partial<MeshLimits>;
  readonly log?: Log;
}

/** Starts the transport; peers come by `connect`. */
export function createMesh(options: MeshOptions): Mesh {
  return new Mesh(options);
}

/** The links of one node to its peers; made by `createMesh`. */
export class Mesh {
  readonly #options: MeshOptions;
  readonly #limits: MeshLimits;
  readonly #counters = createMeshCounters();
  readonly #peers = new Map<NodeId, MeshPeer>();
  readonly #services: MeshServices;
  readonly #requests: OpenRequests;
  readonly #peerListeners: Array<(peer: NodeId, change: 'up' | 'down') => void> = [];
  readonly #host: MeshHost;
  readonly #heartbeats: Timer;
  #lastTickMs: number;
  #isClosed = false;

  constructor(options: MeshOptions) {
    const { transport, clock } = options;
    const random = options.random ?? systemRandom;
    this.#options = options;
    this.#limits = { ...DEFAULT_MESH_LIMITS, ...options.limits };
    const { requestsOpenMax } = this.#limits;
    this.#requests = new OpenRequests(clock, random, requestsOpenMax, this.#counters.answers);
    this.#host = this.#createHost(random);
    this.#services = new MeshServices(this.#host.log);
    this.#lastTickMs = clock.mono();
    this.#heartbeats = every(clock, this.#limits.heartbeatIntervalMs, () => this.#tick());
    transport.start({
      onFrame: (peer, frame) => this.#onFrame(peer, frame),
      onWritable: (peer) => this.#peers.get(peer)?.onWritable(),
      onDown: (peer) => this.#peers.get(peer)?.apply({ type: 'broken' }),
    });
  }

  get self(): NodeId {
    return this.#options.transport.self;
  }

  get endpoint(): string {
    return this.#options.transport.endpoint;
  }

  /** Sets who handles the messages of a service; once per service. */
  serve(service: MeshService, handlers: MeshHandlers): void {
    this.#services.serve(service, handlers);
  }

  /** Asks a peer. Ends with its answer, the error it answered, E_UNREACHABLE, E_TIMEOUT or E_TOO_LARGE. */
  // oxlint-disable-next-line max-params -- the hot path: no object per request
  request(
    peer: NodeId,
    service: MeshService,
    payload: Uint8Array,
    done: RequestDone,
    timeoutMs: number = this.#limits.requestTimeoutMs,
  ): void {
    const refused = (error: FastChatError): void =>
      this.#options.clock.soon(() => done({ ok: false, error }));
    if (payload.length > MESH_PAYLOAD_BYTES_MAX)
      return refused(new FastChatError('E_TOO_LARGE', 'too large for one mesh frame'));
    const to = this.#peers.get(peer);
    if (to?.isUp !== true) return refused(this.#notUp(peer));
    const id = this.#requests.add(peer, service, done, timeoutMs);
    if (id === undefined)
      return refused(unreachable(peer, 'is not asked: too many requests are open'));
    const request: MeshMessage = { type: 'request', id, service: MESH_SERVICES[service], payload };
    if (to.send(request, payload.length)) return;
    this.#requests.withdraw(id);
    refused(unreachable(peer, 'does not take messages fast enough'));
  }

  /** `request` as a promise, for control traffic. */
  requestAsync(
    peer: NodeId,
    service: MeshService,
    payload: Uint8Array,
    timeoutMs?: number,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const done = (result: RequestResult): void =>
        result.ok ? resolve(result.payload) : reject(result.error);
      this.request(peer, service, payload, done, timeoutMs);
    });
  }

  /** Tells a peer, at most once; false (and counted) when it is not up or its outbox is full. */
  tell(peer: NodeId, service: MeshService, payload: Uint8Array): boolean {
    invariant(payload.length <= MESH_PAYLOAD_BYTES_MAX, 'a tell fits into one mesh frame');
    const to = this.#peers.get(peer);
    if (to === undefined) this.#counters.dropped.unreachable += 1;
    return (
      to?.send({ type: 'tell', service: MESH_SERVICES[service], payload }, payload.length) ?? false
    );
  }

  /** Every heartbeat of every peer with its load report, a view. */
  onHeartbeat(listener: HeartbeatListener): void {
    this.#services.listen(listener);
  }

  /** Called after the requests to a peer that went down have failed. */
  onPeer(listener: (peer: NodeId, change: 'up' | 'down') => void): void {
    this.#peerListeners.push(listener);
  }

  /** Dials a peer and keeps dialling. The same address again changes nothing, another one replaces the link. */
  connect(address: PeerAddress): void {
    invariant(address.node !== this.self, 'a node is not its own peer');
    if (this.#peers.get(address.node)?.isAt(address) === true) return;
    this.forget(address.node);
    const peer = new MeshPeer(address, this.#host);
    this.#peers.set(address.node, peer);
    this.#options.transport.connect(address);
    peer.greet();
  }

  /** Ends the link to a peer and admits it no more. */
  forget(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    peer.apply({ type: 'broken' });
    this.#peers.delete(node);
    this.#counters.frames.delete(node);
    this.#options.transport.forget(node);
  }

  /** Every peer that was connected and not forgotten. */
  peers(): readonly PeerView[] {
    return [...this.#peers.values()].map((peer) => peer.view);
  }

  /** The fullest outbox, 0 to 1. */
  outboxFill(): number {
    let fullest = 0;
    for (const peer of this.#peers.values()) fullest = Math.max(fullest, peer.outbox.fill);
    return fullest;
  }

  /** Live numbers: read them, do not change them. */
  counters(): MeshCounters {
    return this.#counters;
  }

  /** Sends the load report at once instead of with the next heartbeat: something changed that others decide by. */
  reportNow(): void {
    for (const peer of this.#peers.values()) peer.greet();
  }

  /** Fails what is open and closes the transport. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeats.cancel();
    for (const peer of this.#peers.values()) peer.outbox.clear();
    this.#peers.clear();
    this.#requests.close(new FastChatError('E_UNREACHABLE', 'this node is stopping'));
    await this.#options.transport.close();
  }

  #createHost(random: Random): MeshHost {
    const { transport, clock, bootId, heartbeat } = this.#options;
    // Links only grow within a boot (P3); the random start tells the frames of one boot from those of the last.
    let link = 1 + Math.floor(random.fraction() * 2 ** 31);
    const hello = meshMessage.pack({
      type: 'hello',
      version: PROTOCOL_VERSION,
      node: transport.self,
      bootId,
    });
    return {
      transport,
      clock,
      limits: this.#limits,
      counters: this.#counters,
      log: this.#options.log ?? silentLog,
      nextLink: () => link++,
      hello,
      loadReport: heartbeat,
      onChange: (peer, change) => this.#onChange(peer, change),
      onMessage: (peer, message) => this.#onMessage(peer, message),
    };
  }

  #tick(): void {
    const nowMs = this.#options.clock.mono();
    const isLate = nowMs - this.#lastTickMs > this.#limits.peerSilentMs / 2;
    this.#lastTickMs = nowMs;
    for (const peer of this.#peers.values()) {
      // After a blocked event loop the frames of the meantime are still unread: it was us who were silent.
      if (!isLate) peer.apply({ type: 'tick', silentMs: this.#limits.peerSilentMs });
      peer.greet();
    }
  }

  #notUp(node: NodeId): FastChatError {
    this.#counters.dropped.unreachable += 1;
    return unreachable(node, 'is not up');
  }

  #onFrame(node: NodeId, frame: Uint8Array): void {
    if (this.#isClosed) return;
    const peer = this.#peers.get(node);
    if (peer === undefined) this.#counters.dropped.stranger += 1;
    else peer.onFrame(frame);
  }

  #onChange(peer: MeshPeer, change: 'up' | 'down'): void {
    const open = this.#requests.size;
    if (change === 'down') this.#requests.fail(peer.node, unreachable(peer.node, 'went down'));
    const failed = open - this.#requests.size;
    this.#host.log.event('info', change === 'up' ? 'peer_up' : 'peer_lost', {
      peer: peer.node,
      failed,
    });
    for (const listener of this.#peerListeners) listener(peer.node, change);
  }

  #onMessage(peer: MeshPeer, message: MeshMessage): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'heartbeat':
        return this.#services.onHeartbeat(peer, message);
      case 'request':
        return this.#services.onRequest(peer, message);
      case 'reply':
        return this.#settle(peer, message.id, { ok: true, payload: message.payload });
      case 'failure':
        return this.#settle(peer, message.id, { ok: false, error: errorOf(message) });
      case 'tell':
        return this.#services.onTell(peer, message);
    }
  }

  #settle(peer: MeshPeer, id: number, result: RequestResult): void {
    if (!this.#requests.settle(peer.node, id, result)) peer.countLate();
  }
}

function unreachable(node: NodeId, why: string): FastChatError {
  return new FastChatError('E_UNREACHABLE', `node ${node} ${why}`);
}

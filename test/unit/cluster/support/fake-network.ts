/** A mesh in memory: in order, without loss between the living, silent about the dead. */
import type { MeshPort } from '../../../../src/cluster/mesh-port.ts';
import type { MeshService } from '../../../../src/net/mesh-frames.ts';
import type { MeshHandlers } from '../../../../src/net/mesh-services.ts';
import type { Clock } from '../../../../src/ops/clock.ts';
import { asFastChatError, FastChatError } from '../../../../src/protocol/errors.ts';
import type { NodeId } from '../../../../src/protocol/ids.ts';
import { MESH_PEER_SILENT_MS, MESH_REQUEST_TIMEOUT_MS } from '../../../../src/protocol/limits.ts';

type Done = Parameters<MeshPort['request']>[3];

/** Asked before a message is sent and before it is handled; false: it vanishes. */
export type Filter = (message: {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly service: MeshService;
  readonly kind: 'request' | 'reply' | 'tell';
}) => boolean;

export class FakeNetwork {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #nodes = new Map<NodeId, FakeMesh>();
  readonly #alone = new Set<NodeId>();
  filter: Filter = () => true;

  constructor(clock: Clock, delayMs = 1) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  /** A new life of `node`; the one before is dead. */
  open(node: NodeId): FakeMesh {
    this.close(node);
    const mesh = new FakeMesh(node, this, this.#clock);
    this.#nodes.set(node, mesh);
    this.#clock.after(this.#delayMs, () => this.#announce(mesh, 'up'));
    return mesh;
  }

  close(node: NodeId): void {
    const mesh = this.#nodes.get(node);
    if (mesh === undefined) return;
    this.#nodes.delete(node);
    mesh.isDead = true;
    this.#clock.after(this.#delayMs, () => this.#announce(mesh, 'down'));
  }

  at(node: NodeId): FakeMesh | undefined {
    return this.#nodes.get(node);
  }

  /** Nothing reaches `node` or leaves it, and both sides notice after a while; or everything does again. */
  setAlone(node: NodeId, isAlone: boolean): void {
    if (isAlone) this.#alone.add(node);
    else this.#alone.delete(node);
    const change = isAlone ? 'down' : 'up';
    this.#clock.after(MESH_PEER_SILENT_MS, () => {
      if (this.#alone.has(node) !== isAlone) return;
      for (const other of this.#nodes.values()) {
        if (other.self === node) continue;
        other.tellPeer(node, change);
        this.#nodes.get(node)?.tellPeer(other.self, change);
      }
    });
  }

  /** Whether a message passes. */
  lets(message: Parameters<Filter>[0]): boolean {
    return !this.#alone.has(message.from) && !this.#alone.has(message.to) && this.filter(message);
  }

  /** Runs `work` one delay later. */
  carry(work: () => void): void {
    this.#clock.after(this.#delayMs, work);
  }

  #announce(mesh: FakeMesh, change: 'up' | 'down'): void {
    if ((this.#nodes.get(mesh.self) === mesh) !== (change === 'up')) return;
    for (const other of this.#nodes.values()) {
      if (other === mesh) continue;
      other.tellPeer(mesh.self, change);
      if (change === 'up') mesh.tellPeer(other.self, 'up');
    }
  }
}

export class FakeMesh implements MeshPort {
  readonly self: NodeId;
  isDead = false;
  readonly #network: FakeNetwork;
  readonly #clock: Clock;
  readonly #handlers = new Map<MeshService, MeshHandlers>();
  readonly #listeners: Array<(peer: NodeId, change: 'up' | 'down') => void> = [];
  readonly #open = new Map<Done, NodeId>();
  readonly connected: NodeId[] = [];

  constructor(self: NodeId, network: FakeNetwork, clock: Clock) {
    this.self = self;
    this.#network = network;
    this.#clock = clock;
  }

  serve(service: MeshService, handlers: MeshHandlers): void {
    this.#handlers.set(service, handlers);
  }

  request(
    peer: NodeId,
    service: MeshService,
    payload: Uint8Array,
    done: Done,
    timeoutMs: number = MESH_REQUEST_TIMEOUT_MS,
  ): void {
    if (this.isDead) return;
    const target = this.#network.at(peer);
    this.#open.set(done, peer);
    if (target === undefined) {
      this.#clock.soon(() => this.#settle(done, down(peer)));
      return;
    }
    this.#clock.after(timeoutMs, () =>
      this.#settle(done, { ok: false, error: new FastChatError('E_TIMEOUT', 'no answer') }),
    );
    const meta = { from: this.self, to: peer, service };
    if (!this.#network.lets({ ...meta, kind: 'request' })) return;
    const answer = (result: Parameters<Done>[0]): void => {
      if (
        target.isDead ||
        !this.#network.lets({ from: peer, to: this.self, service, kind: 'reply' })
      )
        return;
      this.#network.carry(() => this.#settle(done, result));
    };
    this.#network.carry(() => target.handle(this.self, service, payload, answer));
  }

  requestAsync(
    peer: NodeId,
    service: MeshService,
    payload: Uint8Array,
    timeoutMs?: number,
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const done: Done = (result) => (result.ok ? resolve(result.payload) : reject(result.error));
      this.request(peer, service, payload, done, timeoutMs);
    });
  }

  tell(peer: NodeId, service: MeshService, payload: Uint8Array): boolean {
    const target = this.#network.at(peer);
    if (this.isDead || target === undefined) return false;
    if (!this.#network.lets({ from: this.self, to: peer, service, kind: 'tell' })) return true;
    this.#network.carry(() => target.handle(this.self, service, payload, undefined));
    return true;
  }

  connect(peer: { readonly node: NodeId }): void {
    this.connected.push(peer.node);
    if (this.#network.at(peer.node) === undefined) return;
    this.#clock.soon(() => {
      if (this.#network.at(peer.node) !== undefined) this.tellPeer(peer.node, 'up');
    });
  }

  forget(peer: NodeId): void {
    const index = this.connected.indexOf(peer);
    if (index >= 0) this.connected.splice(index, 1);
  }

  onPeer(listener: (peer: NodeId, change: 'up' | 'down') => void): void {
    this.#listeners.push(listener);
  }

  tellPeer(peer: NodeId, change: 'up' | 'down'): void {
    if (this.isDead) return;
    if (change === 'down')
      for (const [done, asked] of this.#open) if (asked === peer) this.#settle(done, down(peer));
    for (const listener of this.#listeners) listener(peer, change);
  }

  handle(from: NodeId, service: MeshService, payload: Uint8Array, answer: Done | undefined): void {
    if (this.isDead) return;
    const handlers = this.#handlers.get(service);
    const fail = (error: FastChatError): void => answer?.({ ok: false, error });
    try {
      if (answer === undefined) handlers?.tell?.(from, payload);
      else if (handlers?.request === undefined)
        fail(new FastChatError('E_UNREACHABLE', 'not served here yet'));
      else handlers.request(from, payload, (reply) => answer({ ok: true, payload: reply }), fail);
    } catch (cause) {
      fail(asFastChatError(cause));
    }
  }

  #settle(done: Done, result: Parameters<Done>[0]): void {
    if (this.isDead || !this.#open.delete(done)) return;
    done(result);
  }
}

function down(peer: NodeId): Parameters<Done>[0] {
  return { ok: false, error: new FastChatError('E_UNREACHABLE', `${peer} is down`) };
}

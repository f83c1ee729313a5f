/**
 * The twin of the ZeroMQ transport: a mesh in memory that runs on a Clock and a Random and fails on request.
 * With a virtual clock and a seed, every run repeats exactly. Guarantees and refusals are those of the real one: a frame
 * passes only when both sides connected to each other, arrives whole, and in order unless `reorder` is set.
 */
import type { Clock } from '../ops/clock.ts';
import type { Random } from '../ops/random.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';
import { MESH_PIPE_FRAMES_MAX } from '../protocol/limits.ts';
import type { PeerAddress, SendOutcome, Transport, TransportEvents } from './transport.ts';

export interface MemoryMeshOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long a frame travels, drawn uniformly; default [1, 1]. */
  readonly delayMs?: readonly [min: number, max: number];
  /** Share of frames that vanish. */
  readonly lossRatio?: number;
  /** Share of frames that arrive twice. */
  readonly duplicateRatio?: number;
  /** Frames of a pair may overtake each other. */
  readonly reorder?: boolean;
}

/** What `MemoryMesh` did to frames; for checkers. */
export interface MemoryMeshCounters {
  sent: number;
  delivered: number;
  lost: number;
}

interface Flight {
  readonly frame: Uint8Array;
  arrived: boolean;
}

/** Frames under way from one node to another. A crash or a cut empties it. */
interface Pipe {
  flights: Flight[];
  lastArrivalMs: number;
  isWaitedFor: boolean;
}

export class MemoryMesh {
  readonly counters: MemoryMeshCounters = { sent: 0, delivered: 0, lost: 0 };
  readonly #options: MemoryMeshOptions;
  readonly #nodes = new Map<NodeId, MemoryTransport>();
  readonly #pipes = new Map<string, Pipe>();
  readonly #cuts = new Set<string>();
  readonly #paused = new Set<NodeId>();

  constructor(options: MemoryMeshOptions) {
    this.#options = options;
  }

  /** The address that peers of `node` connect to. */
  address(node: NodeId): PeerAddress {
    return { node, endpoint: `memory://${node}`, curveKey: new Uint8Array(32) };
  }

  /** A node's transport; after `crash` or `close` the name can be opened again. @throws E_CONFIG (open already) */
  open(node: NodeId): Transport {
    if (this.#nodes.has(node)) throw new FastChatError('E_CONFIG', `node ${node} is open already`);
    const transport = new MemoryTransport(node, this);
    this.#nodes.set(node, transport);
    return transport;
  }

  /** Cuts both ways between two nodes; what is under way is lost, nobody is told. */
  partition(left: NodeId, right: NodeId): void {
    this.oneWay(left, right);
    this.oneWay(right, left);
  }

  /** Cuts the way `from` -> `to` only. */
  oneWay(from: NodeId, to: NodeId): void {
    this.#cuts.add(pipeName(from, to));
    this.#empty(from, to);
  }

  /** Ends every cut. */
  heal(): void {
    this.#cuts.clear();
  }

  /** The node stops taking frames; they wait for it as in the buffers of a stopped process. */
  pause(node: NodeId): void {
    this.#paused.add(node);
  }

  resume(node: NodeId): void {
    this.#paused.delete(node);
    for (const from of this.#nodes.keys()) this.#deliver(from, node);
  }

  /** Ends a node as `kill -9` does: its frames under way, both ways, are lost; its peers see their links break. */
  crash(node: NodeId): void {
    const transport = this.#nodes.get(node);
    if (transport === undefined) return;
    this.#nodes.delete(node);
    this.#paused.delete(node);
    transport.detach();
    for (const peer of this.#nodes.values()) {
      this.#empty(node, peer.self);
      this.#empty(peer.self, node);
      if (peer.isConnectedTo(node)) this.#later(() => peer.events?.onDown(node));
    }
  }

  /** Both sides connected: the link is there, after the time of a handshake. @internal */
  connected(from: NodeId, to: NodeId): void {
    this.#empty(from, to);
    this.#later(() => {
      if (!this.#isLinked(from, to)) return;
      this.#nodes.get(from)?.events?.onWritable(to);
      this.#nodes.get(to)?.events?.onWritable(from);
    });
  }

  /** `from` no longer admits `to`: both lose the link. @internal */
  disconnected(from: NodeId, to: NodeId): void {
    this.#empty(from, to);
    this.#empty(to, from);
    const peer = this.#nodes.get(to);
    if (peer?.isConnectedTo(from) === true) this.#later(() => peer.events?.onDown(from));
  }

  /** @internal */
  send(from: NodeId, to: NodeId, frame: Uint8Array): SendOutcome {
    if (!this.#isLinked(from, to)) return 'down';
    const pipe = this.#pipe(from, to);
    if (pipe.flights.length >= MESH_PIPE_FRAMES_MAX) {
      pipe.isWaitedFor = true;
      return 'full';
    }
    this.counters.sent += 1;
    const isLost = this.#cuts.has(pipeName(from, to)) || this.#draws(this.#options.lossRatio);
    if (isLost) {
      this.counters.lost += 1;
      return 'sent';
    }
    this.#launch(from, to, frame);
    if (this.#draws(this.#options.duplicateRatio)) this.#launch(from, to, frame);
    return 'sent';
  }

  #launch(from: NodeId, to: NodeId, frame: Uint8Array): void {
    const { clock } = this.#options;
    const pipe = this.#pipe(from, to);
    const flight: Flight = { frame, arrived: false };
    pipe.flights.push(flight);
    const now = clock.mono();
    const arrivalMs = now + this.#delayMs();
    pipe.lastArrivalMs = Math.max(pipe.lastArrivalMs, arrivalMs);
    const isOrdered = this.#options.reorder !== true;
    clock.after((isOrdered ? pipe.lastArrivalMs : arrivalMs) - now, () => {
      flight.arrived = true;
      if (!pipe.flights.includes(flight)) return;
      if (!isOrdered) moveToFront(pipe.flights, flight);
      this.#deliver(from, to);
    });
  }

  /** Hands over what has arrived at the head of the pipe. */
  #deliver(from: NodeId, to: NodeId): void {
    const receiver = this.#nodes.get(to);
    const pipe = this.#pipe(from, to);
    while (pipe.flights[0]?.arrived === true && !this.#paused.has(to)) {
      const flight = pipe.flights.shift();
      if (flight === undefined || receiver?.isConnectedTo(from) !== true) continue;
      this.counters.delivered += 1;
      receiver.events?.onFrame(from, flight.frame);
    }
    if (!pipe.isWaitedFor || pipe.flights.length >= MESH_PIPE_FRAMES_MAX) return;
    pipe.isWaitedFor = false;
    this.#nodes.get(from)?.events?.onWritable(to);
  }

  #isLinked(from: NodeId, to: NodeId): boolean {
    const sender = this.#nodes.get(from);
    const receiver = this.#nodes.get(to);
    return sender?.isConnectedTo(to) === true && receiver?.isConnectedTo(from) === true;
  }

  #pipe(from: NodeId, to: NodeId): Pipe {
    const name = pipeName(from, to);
    let pipe = this.#pipes.get(name);
    if (pipe === undefined) {
      pipe = { flights: [], lastArrivalMs: 0, isWaitedFor: false };
      this.#pipes.set(name, pipe);
    }
    return pipe;
  }

  #empty(from: NodeId, to: NodeId): void {
    const pipe = this.#pipe(from, to);
    this.counters.lost += pipe.flights.length;
    pipe.flights = [];
  }

  #later(task: () => void): void {
    this.#options.clock.after(this.#delayMs(), task);
  }

  #delayMs(): number {
    const [min, max] = this.#options.delayMs ?? [1, 1];
    return min + this.#options.random.fraction() * (max - min);
  }

  #draws(ratio: number | undefined): boolean {
    return ratio !== undefined && ratio > 0 && this.#options.random.fraction() < ratio;
  }
}

function pipeName(from: NodeId, to: NodeId): string {
  return `${from}>${to}`;
}

/** With `reorder`, what has arrived is taken first, whatever was sent before it. */
function moveToFront(flights: Flight[], flight: Flight): void {
  flights.splice(flights.indexOf(flight), 1);
  flights.unshift(flight);
}

class MemoryTransport implements Transport {
  readonly self: NodeId;
  readonly endpoint: string;
  events: TransportEvents | undefined;
  readonly #mesh: MemoryMesh;
  readonly #peers = new Set<NodeId>();
  #isOpen = true;

  constructor(self: NodeId, mesh: MemoryMesh) {
    this.self = self;
    this.endpoint = mesh.address(self).endpoint;
    this.#mesh = mesh;
  }

  isConnectedTo(peer: NodeId): boolean {
    return this.#peers.has(peer);
  }

  start(events: TransportEvents): void {
    invariant(this.events === undefined, 'a transport starts once');
    this.events = events;
  }

  connect(peer: PeerAddress): void {
    invariant(this.#isOpen, 'connect on a closed transport');
    this.#peers.add(peer.node);
    this.#mesh.connected(this.self, peer.node);
  }

  forget(peer: NodeId): void {
    if (this.#peers.delete(peer)) this.#mesh.disconnected(this.self, peer);
  }

  send(peer: NodeId, frame: Uint8Array): SendOutcome {
    return this.#isOpen ? this.#mesh.send(this.self, peer, frame) : 'down';
  }

  close(): Promise<void> {
    if (this.#isOpen) this.#mesh.crash(this.self);
    return Promise.resolve();
  }

  /** The hub let go of this transport. @internal */
  detach(): void {
    this.#isOpen = false;
    this.events = undefined;
    this.#peers.clear();
  }
}

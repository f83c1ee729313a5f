/** Meshes over one memory mesh and one virtual clock. */
import { createMesh } from '../../../src/net/mesh.ts';
import type { Mesh } from '../../../src/net/mesh.ts';
import type { MeshLimits } from '../../../src/net/mesh-limits.ts';
import { MemoryMesh } from '../../../src/net/memory-transport.ts';
import type { MemoryMeshOptions } from '../../../src/net/memory-transport.ts';
import type { RequestResult } from '../../../src/net/open-requests.ts';
import type { Clock, Timer } from '../../../src/ops/clock.ts';
import { seededRandom } from '../../../src/ops/random.ts';
import { VirtualClock } from '../../../src/ops/virtual-clock.ts';
import { parseNodeId } from '../../../src/protocol/ids.ts';
import type { NodeId } from '../../../src/protocol/ids.ts';

export const N1 = parseNodeId('n1');
export const N2 = parseNodeId('n2');

export type Faults = Omit<MemoryMeshOptions, 'clock' | 'random'>;

export interface TestNode {
  readonly mesh: Mesh;
  readonly changes: string[];
  readonly loads: string[];
}

export class MeshWorld {
  readonly clock: VirtualClock;
  readonly hub: MemoryMesh;
  readonly #seed: number;
  readonly #limits: Partial<MeshLimits>;
  #boots = 0;

  constructor(seed = 1, faults: Faults = {}, limits: Partial<MeshLimits> = {}) {
    this.#seed = seed;
    this.#limits = limits;
    this.clock = new VirtualClock({ seed });
    this.hub = new MemoryMesh({ clock: this.clock, random: seededRandom(seed), ...faults });
  }

  /** Starts a node with a new boot id. */
  boot(node: NodeId, load = 'idle', clock: Clock = this.clock): TestNode {
    this.#boots += 1;
    const mesh = createMesh({
      transport: this.hub.open(node),
      clock,
      random: seededRandom(this.#seed + this.#boots),
      bootId: `boot-${this.#boots}`,
      heartbeat: () => utf8(load),
      limits: this.#limits,
    });
    const changes: string[] = [];
    const loads: string[] = [];
    mesh.onPeer((peer, change) => changes.push(`${peer} ${change}`));
    mesh.onHeartbeat((peer, report) => loads.push(`${peer} ${textOf(report)}`));
    return { mesh, changes, loads };
  }

  link(left: TestNode, right: TestNode): void {
    left.mesh.connect(this.hub.address(right.mesh.self));
    right.mesh.connect(this.hub.address(left.mesh.self));
  }

  /** Two nodes that are up for each other. */
  pair(): [TestNode, TestNode] {
    const [left, right] = [this.boot(N1), this.boot(N2)];
    this.link(left, right);
    this.pass(100);
    return [left, right];
  }

  /** Lets virtual time pass. */
  pass(ms: number): void {
    this.clock.run(this.clock.mono() + ms);
  }
}

/** The clock of a process that can be stopped: what falls due meanwhile runs when it goes on. */
export class StallingClock implements Clock {
  isStalled = false;
  readonly #clock: Clock;
  #overdue: Array<() => void> = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  mono(): number {
    return this.#clock.mono();
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#clock.after(delayMs, () => (this.isStalled ? this.#overdue.push(task) : task()));
  }

  soon(task: () => void): void {
    this.after(0, task);
  }

  resume(): void {
    this.isStalled = false;
    const overdue = this.#overdue;
    this.#overdue = [];
    for (const task of overdue) task();
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Collects results as text: the payload, or the error's code. */
export class Results {
  readonly all: string[] = [];
  readonly add = (result: RequestResult): void => {
    this.all.push(result.ok ? textOf(result.payload) : result.error.code);
  };
}

/** Answers every request with its payload and a mark. */
export function serveEcho(node: TestNode): void {
  node.mesh.serve('actor', {
    request: (_from, payload, reply) => reply(utf8(`${textOf(payload)}!`)),
  });
}

/** One whole node of the simulated cluster: production code over the twins of its ports; it crashes and starts again. */
import type { ActorBugs } from '../../src/actors/planted-bugs.ts';
import { createVirtualHost } from '../../src/actors/runtime/virtual-host.ts';
import { serveCoordinator } from '../../src/cluster/coordinator-server.ts';
import type { Coordinator } from '../../src/cluster/coordinator.ts';
import { EmbeddedCoordinator } from '../../src/cluster/embedded-coordinator.ts';
import type { ClusterView } from '../../src/cluster/members.ts';
import type { MemoryCoordinatorService } from '../../src/cluster/memory-coordinator.ts';
import { RemoteCoordinator } from '../../src/cluster/remote-coordinator.ts';
import type { PlantedBugs } from '../../src/cluster/replication/planted-bugs.ts';
import type { KeyPair } from '../../src/crypto/suite.ts';
import { createTransparentPasswordServer } from '../../src/crypto/transparent-password-server.ts';
import { createTransparentVerifyingSuite } from '../../src/crypto/transparent-suite.ts';
import type { LinkNetwork } from '../../src/net/client-link.ts';
import type { MemoryLinks } from '../../src/net/memory-links.ts';
import type { MemoryMesh } from '../../src/net/memory-transport.ts';
import type { Mesh } from '../../src/net/mesh.ts';
import { readMetrics, userMeter } from '../../src/node/node-metrics.ts';
import { ChatNode } from '../../src/node/node.ts';
import type { Clock } from '../../src/ops/clock.ts';
import type { Log } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import type { Metrics } from '../../src/ops/metrics.ts';
import { seededRandom } from '../../src/ops/random.ts';
import type { Random } from '../../src/ops/random.ts';
import { MemoryDisk } from '../../src/persist/memory-disk.ts';
import { createMemoryShardStore } from '../../src/persist/memory-shard-store.ts';
import { parseNodeId } from '../../src/protocol/ids.ts';
import type { NodeId, ShardId } from '../../src/protocol/ids.ts';
import {
  DEFAULT_LIMITS,
  HISTORY_RETENTION_DEFAULT_MS,
  MAILBOX_TTL_DEFAULT_MS,
  REPLICA_REPLACE_DEFAULT_MS,
} from '../../src/protocol/limits.ts';
import { ScopedClock } from '../support/scoped-clock.ts';

/** Mistakes that the simulator must notice. */
export interface NodeBugs extends PlantedBugs, ActorBugs {
  readonly acknowledgeBeforeFlush?: boolean;
  readonly ignoreEpoch?: boolean;
  /** Answers do not tell the newest counter taken, so a device cannot notice that it uses counters again. */
  readonly hideCounters?: boolean;
}

export interface SimWorldPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly mesh: MemoryMesh;
  readonly links: MemoryLinks;
  readonly signingKeys: KeyPair;
  readonly passwordSetup: string;
  readonly shards: number;
  /** Copies that every shard should have. */
  readonly replicas: number;
  readonly bugs: NodeBugs;
  /** How long entries are kept, delivered or not; missing: as long as in production. */
  readonly retentionMs?: number;
  /** The coordinator as an entity of its own, like etcd; missing: the first node keeps it. */
  readonly coordinators?: MemoryCoordinatorService;
  /** How long a flush takes now, in milliseconds. */
  readonly flushDelayMs: (node: NodeId, random: Random) => number;
  /** How far the date of a node is off. */
  readonly skewMs: (node: NodeId) => number;
  /** What the nodes log. */
  readonly log: Log;
}

/** The first node keeps the coordinator. */
const COORDINATOR = parseNodeId('n1');
const GATE_PORT = 7400;
export const FINGERPRINT = new Uint8Array(32).fill(7);

function hideCounters({ cluster: { router } }: ChatNode): void {
  const ask = router.ask.bind(router);
  router.ask = (to, request, done) =>
    ask(to, request, (outcome) => {
      const isStored = outcome.ok && request.type === 'append';
      done(
        isStored ? { ...outcome, value: Object.assign({}, outcome.value, { last: 0 }) } : outcome,
      );
    });
}

export class SimNode {
  readonly name: NodeId;
  readonly #ports: SimWorldPorts;
  #disk = new MemoryDisk();
  #clock: ScopedClock;
  #node: ChatNode | undefined;
  #metrics = createMetrics();
  /** Counts the starts; what belongs to an earlier one is nothing to the present one. */
  #life = 0;
  #isRunning = false;
  /** What it was told when it joined: it is started by the same command, which joins again where nothing is remembered. */
  #joined: ClusterView | undefined;

  constructor(name: string, ports: SimWorldPorts) {
    this.name = parseNodeId(name);
    this.#ports = ports;
    this.#clock = new ScopedClock(ports.clock);
  }

  get isUp(): boolean {
    return this.#node !== undefined;
  }

  /** True from the start of the process on, also while it is not up yet. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  get node(): ChatNode {
    if (this.#node === undefined) throw new Error(`${this.name} is down`);
    return this.#node;
  }

  /** `host:port` of the gate. */
  get gate(): { readonly host: string; readonly port: number } {
    return { host: this.name, port: GATE_PORT };
  }

  /** Starts on what the disk holds; `view` is what a new member gets when it joins. */
  async start(view?: ClusterView): Promise<void> {
    const { random, mesh, signingKeys, passwordSetup, bugs, log } = this.#ports;
    this.#life += 1;
    this.#isRunning = true;
    this.#metrics = createMetrics();
    this.#joined = view ?? this.#joined;
    const life = this.#life;
    const own = seededRandom(Math.floor(random.fraction() * 2 ** 32));
    const clock = new ScopedClock(this.#ports.clock, this.#ports.skewMs(this.name));
    this.#clock = clock;
    let node: ChatNode | undefined;
    const store = await createMemoryShardStore({
      clock,
      disk: this.#disk,
      flushDelayMs: () => this.#ports.flushDelayMs(this.name, own),
      journalFloor: (shard: ShardId) => node?.cluster.journalFloor(shard),
      resolveBeforeFlush: bugs.acknowledgeBeforeFlush === true,
      ignoreEpoch: bugs.ignoreEpoch === true,
    });
    const started = ChatNode.start(
      {
        self: this.name,
        bootId: own.bytes(16),
        clock,
        random: own,
        log: log.child({ node: this.name }),
        bugs,
        store,
        transport: mesh.open(this.name),
        openCoordinator: (toMesh) => this.#openCoordinator(toMesh, clock, store),
        network: this.#networkOf(life),
        gate: { ...this.gate, advertisedHost: this.name },
        curveKey: mesh.address(this.name).curveKey,
        host: createVirtualHost({ clock, log, random: own }),
        suite: createTransparentVerifyingSuite(own),
        passwords: createTransparentPasswordServer(passwordSetup, own),
        signingKeys,
        fingerprint: FINGERPRINT,
        settings: {
          limits: DEFAULT_LIMITS,
          mailboxTtlMs: this.#ports.retentionMs ?? MAILBOX_TTL_DEFAULT_MS,
          historyRetentionMs: this.#ports.retentionMs ?? HISTORY_RETENTION_DEFAULT_MS,
          balance: 'inverse-load',
          registration: 'open',
          stretching: 'weak',
          replaceAfterMs: REPLICA_REPLACE_DEFAULT_MS,
          replicas: this.#ports.replicas,
          bugs,
        },
        meter: userMeter(this.#metrics),
        utilisation: () => 0,
      },
      this.#joined,
    );
    const isAlive = (): boolean => life === this.#life && this.#isRunning;
    node = await started.catch((cause: unknown) => {
      // What a process that has died meanwhile trips over on its way is nobody's business.
      if (isAlive()) throw cause;
      return undefined;
    });
    if (node === undefined) return;
    if (bugs.hideCounters === true) hideCounters(node);
    if (isAlive()) this.#node = node;
  }

  /** What an operator would see now. */
  metrics(): Metrics {
    readMetrics(this.node, this.#metrics, { lagMs: 0, utilisation: 0 });
    return this.#metrics;
  }

  /** The process dies: nothing it had scheduled runs, unflushed writes are gone (or a share `kept` of them is not), links break. */
  crash(kept = 0): void {
    this.#node = undefined;
    this.#isRunning = false;
    this.#clock.die();
    this.#ports.mesh.crash(this.name);
    this.#ports.links.crash(this.name);
    this.#disk.crash(kept);
  }

  /** SIGSTOP. */
  pause(): void {
    this.#clock.stop();
    this.#ports.mesh.pause(this.name);
    this.#ports.links.pause(this.name);
  }

  /** SIGCONT. */
  resume(): void {
    this.#clock.go();
    this.#ports.mesh.resume(this.name);
    this.#ports.links.resume(this.name);
  }

  /** What a back-up of the machine would hold. */
  backUp(): MemoryDisk {
    return this.#disk.copy();
  }

  /** The machine dies; its disk is the one of `backup` from now on. */
  putBack(backup: MemoryDisk): void {
    this.crash();
    this.#disk = backup;
  }

  /** What the process of an earlier life still does when it has died comes to nothing. */
  #networkOf(life: number): LinkNetwork {
    const network = this.#ports.links.at(this.name, FINGERPRINT);
    const isAlive = (): boolean => this.#isRunning && life === this.#life;
    return {
      dial: (target, events) => network.dial(target, events),
      listen: (options) => (isAlive() ? network.listen(options) : new Promise(() => undefined)),
    };
  }

  #openCoordinator(
    mesh: Mesh,
    clock: Clock,
    store: ConstructorParameters<typeof EmbeddedCoordinator>[0]['store'],
  ): Coordinator {
    const { coordinators } = this.#ports;
    if (coordinators !== undefined) return coordinators.seenBy(this.name, clock);
    if (this.name !== COORDINATOR) return new RemoteCoordinator({ mesh, at: COORDINATOR, clock });
    const coordinator = new EmbeddedCoordinator({ store, clock, shards: this.#ports.shards });
    serveCoordinator({ coordinator, mesh, clock });
    return coordinator;
  }
}

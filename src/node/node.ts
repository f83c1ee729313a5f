/**
 * One node, put together from its ports: the same composition runs as a process (`start-node.ts`) and in the simulator.
 * Order of start: mesh, cluster, gate. Order of stop: gate, shards, actors, cluster, mesh; each may be late, none is skipped.
 */
import { startBalancer } from '../actors/balancer/actor.ts';
import type { Balancer } from '../actors/balancer/actor.ts';
import type { BalanceAlgorithm, LoadReport } from '../actors/balancer/messages.ts';
import type { Courier, UserMeter } from '../actors/ports.ts';
import type { ActorHost } from '../actors/runtime/actor-host.ts';
import type { RegistrationMode } from '../actors/session/phases.ts';
import type { UserSettings } from '../actors/user/state.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { PlantedBugs } from '../cluster/replication/planted-bugs.ts';
import type { Coordinator } from '../cluster/coordinator.ts';
import type { ClusterView, Member } from '../cluster/members.ts';
import { shardOf } from '../cluster/shards.ts';
import type { PasswordServer, Stretching } from '../crypto/password-auth.ts';
import type { KeyPair, VerifyingSuite } from '../crypto/suite.ts';
import type { LinkNetwork } from '../net/client-link.ts';
import { createMesh } from '../net/mesh.ts';
import type { Mesh } from '../net/mesh.ts';
import type { Transport } from '../net/transport.ts';
import { every } from '../ops/clock.ts';
import type { Clock, Timer } from '../ops/clock.ts';
import type { Log } from '../ops/log.ts';
import type { Random } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { Address, NodeId, ShardId } from '../protocol/ids.ts';
import { LOAD_REPORT_DELAY_MS, MESH_HEARTBEAT_INTERVAL_MS } from '../protocol/limits.ts';
import { Announcement } from './announce.ts';
import { ClientGate } from './gate.ts';
import { GroupHub } from './group-hub.ts';
import { withKnocks } from './knock.ts';
import { encodeReport, LoadReports, reportOf } from './load-reports.ts';
import { RetentionPatrol } from './retention-patrol.ts';
import { ShardActors } from './shard-actors.ts';

export interface NodeSettings extends UserSettings {
  readonly balance: BalanceAlgorithm;
  readonly registration: RegistrationMode;
  readonly stretching: Stretching;
  /** Copies that every shard should have; fewer while there are fewer nodes. */
  readonly replicas: number;
  /** After how long the copies of a dead node are made anew elsewhere. */
  readonly replaceAfterMs: number;
}

/** Everything a node is made of. */
export interface NodePorts {
  readonly self: NodeId;
  /** 16 bytes, new at every start. */
  readonly bootId: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly store: ShardStore;
  readonly transport: Transport;
  readonly openCoordinator: (mesh: Mesh) => Coordinator;
  readonly network: LinkNetwork;
  /** Where the gate listens, and the host that others dial. */
  readonly gate: { readonly host: string; readonly port: number; readonly advertisedHost: string };
  readonly curveKey: Uint8Array;
  readonly host: ActorHost;
  readonly suite: VerifyingSuite;
  readonly passwords: PasswordServer;
  readonly signingKeys: KeyPair;
  /** Of the cluster's TLS key. */
  readonly fingerprint: Uint8Array;
  readonly settings: NodeSettings;
  readonly meter: UserMeter;
  /** Share of time that the event loop is busy, 0 to 1. */
  readonly utilisation: () => number;
  /** Answers nodes that want to join; missing: nobody can. */
  readonly answerKnock?: (item: readonly unknown[]) => Promise<unknown[]>;
  /** Mistakes for the simulator to notice. */
  readonly bugs?: PlantedBugs;
}

export class ChatNode {
  readonly mesh: Mesh;
  readonly coordinator: Coordinator;
  readonly cluster: Cluster;
  readonly balancer: Balancer;
  readonly actors: ShardActors;
  readonly groups: GroupHub;
  readonly reports: LoadReports;
  readonly ports: NodePorts;
  #gate: ClientGate | undefined;
  #isDraining = false;
  #reporting: Timer | undefined;
  #reportTimer: Timer | undefined;
  readonly #patrol: RetentionPatrol;
  readonly #announcement: Announcement;

  private constructor(ports: NodePorts) {
    const { clock, random, host, self, settings, log } = ports;
    this.ports = ports;
    this.reports = new LoadReports(clock);
    this.mesh = createMesh({
      transport: ports.transport,
      clock,
      random,
      bootId: Buffer.from(ports.bootId).toString('hex'),
      heartbeat: () => encodeReport(this.report()),
      log,
    });
    this.balancer = startBalancer({ host, self, algorithm: settings.balance, clock, random });
    this.reports.follow(this.mesh, this.balancer);
    this.coordinator = ports.openCoordinator(this.mesh);
    this.groups = new GroupHub({
      ...ports,
      mesh: this.mesh,
      courier: this.courier,
      loads: () => this.balancer.loads(),
      deliver: (session, push) => this.#gate?.deliverPush(session, push),
    });
    this.actors = new ShardActors({
      ...ports,
      courier: this.courier,
      fanOut: (nodes, news) => this.groups.fanOut(nodes, news),
      shardOf: (address) => this.shardOf(address),
      tenureOf: (shard) => this.cluster.ownership.tenure(shard),
      isCertain: (shard) => this.cluster.isCertain(shard),
    });
    this.cluster = new Cluster({
      ...ports,
      mesh: this.mesh,
      coordinator: this.coordinator,
      actors: this.actors,
      sessions: { push: (session, push) => this.#gate?.deliverPush(session, push) },
      serving: this.actors,
      isLeaving: (node) => this.reports.isLeaving(node),
      isForgotten: (node) => this.reports.isForgotten(node),
      isHeardElsewhere: (node) => this.reports.isHeardElsewhere(node),
      onFit: (isFit) => this.#onFit(isFit),
      replicas: settings.replicas,
      replaceAfterMs: settings.replaceAfterMs,
    });
    this.#announcement = new Announcement(this, clock);
    this.#patrol = new RetentionPatrol({
      clock,
      shards: () => this.cluster.directory.ownedBy(self),
      addressesIn: (shard, limit, previous) => this.actors.addressesIn(shard, limit, previous),
      wake: (address) => this.actors.wake(address),
    });
  }

  /** Starts a node whose directory knows `view` (from joining) or what its store remembers; resolves when it takes logins. */
  static async start(ports: NodePorts, view?: ClusterView): Promise<ChatNode> {
    const node = new ChatNode(ports);
    if (view !== undefined) node.cluster.directory.adopt(view);
    await node.#start();
    return node;
  }

  /** Late-bound: actors and sessions exist before the router, and use it only afterwards. */
  get courier(): Courier {
    return {
      ask: (to, request, done) => this.cluster.router.ask(to, request, done),
      tell: (to, request) => this.cluster.router.tell(to, request),
      push: (session, push) => this.cluster.router.push(session, push),
    };
  }

  get gate(): ClientGate {
    if (this.#gate === undefined) throw new FastChatError('E_INTERNAL', 'the gate is not open yet');
    return this.#gate;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  shardOf(address: Address): ShardId {
    return shardOf(address, Math.max(1, this.cluster.directory.shards));
  }

  /** This node as the others know it. */
  get member(): Member {
    const { self, gate, curveKey } = this.ports;
    return {
      node: self,
      meshEndpoint: this.mesh.endpoint,
      curveKey,
      gateHost: gate.advertisedHost,
      gatePort: this.#gate?.port ?? gate.port,
    };
  }

  /** What the next heartbeat says. */
  report(): LoadReport {
    const { ports, cluster, mesh, isDraining } = this;
    return reportOf({ ports, cluster, mesh, isDraining, openGate: this.#gate });
  }

  /** Takes no more logins; hands over shards and sessions as far as others can take them. Bounded by the caller. */
  async drain(): Promise<void> {
    const { clock, log } = this.ports;
    this.#isDraining = true;
    log.event('info', 'node_draining', { sessions: this.gate.sessions() });
    this.#reportToBalancer();
    // Every node hears of it by the next heartbeats; and this one hears who else is leaving.
    await new Promise<void>((resolve) => {
      clock.after(1.5 * MESH_HEARTBEAT_INTERVAL_MS, resolve);
    });
    // Sessions and shards have nothing to do with each other: the one need not wait for the other.
    await Promise.all([this.cluster.drain(), this.gate.drain()]);
  }

  /** Ends everything in order; what is acknowledged is flushed already. The store stays open. */
  async stop(): Promise<void> {
    const ended = new FastChatError('E_UNREACHABLE', 'this node is stopping');
    this.#isDraining = true;
    this.#announcement.stop();
    this.#reporting?.cancel();
    this.#patrol.stop();
    this.#reportTimer?.cancel();
    await this.#gate?.closeAll();
    this.groups.stop();
    await this.cluster.stop();
    await this.ports.host.stopAll(ended);
    await this.coordinator.close();
    await this.mesh.close();
  }

  async #start(): Promise<void> {
    const { clock } = this.ports;
    this.cluster.directory.listen({ onShards: (changed) => this.#announce(new Set(changed)) });
    // A node starts without its coordinator, too: a gate by the last map, which serves nothing yet.
    await this.#announcement.make();
    await this.cluster.start();
    this.#gate = await this.#openGate();
    void this.#announcement.make();
    this.#reportToBalancer();
    this.#patrol.start();
    this.#reporting = every(clock, MESH_HEARTBEAT_INTERVAL_MS, () => this.#reportToBalancer());
  }

  #openGate(): Promise<ClientGate> {
    const { ports } = this;
    const { answerKnock, network, gate, settings } = ports;
    return ClientGate.open({
      ...settings,
      network: withKnocks(network, answerKnock),
      host: gate.host,
      port: gate.port,
      actors: ports.host,
      courier: this.courier,
      placer: this.balancer,
      groups: this.groups,
      here: { node: ports.self, bootId: ports.bootId },
      clock: ports.clock,
      random: ports.random,
      log: ports.log,
      suite: ports.suite,
      passwords: ports.passwords,
      clusterKeys: ports.signingKeys,
      fingerprint: ports.fingerprint,
      gates: () => [...this.#ownGate(), ...this.reports.gates()],
      onSessions: () => this.#reportSoon(),
    });
  }

  #ownGate(): ReadonlyArray<{ node: NodeId; host: string; port: number }> {
    const { self, gate } = this.ports;
    if (this.#gate === undefined || this.#isDraining) return [];
    return [{ node: self, host: gate.advertisedHost, port: this.#gate.port }];
  }

  /** Balancers decide by what they were told last: a burst of logins is told once, and soon. */
  #reportSoon(): void {
    this.#reportTimer ??= this.ports.clock.after(LOAD_REPORT_DELAY_MS, () => {
      this.#reportTimer = undefined;
      this.#reportToBalancer();
      this.mesh.reportNow();
    });
  }

  /** The others hear of it first: they are about to be asked for a place, or may send somebody here again. */
  #onFit(isFit: boolean): void {
    this.#reportToBalancer();
    this.mesh.reportNow();
    // A drain sends everybody away anyway, and is to end.
    if (!this.#isDraining) this.#gate?.setOpen(isFit);
  }

  #reportToBalancer(): void {
    this.balancer.report(this.ports.self, this.report());
  }

  /** Users and groups whose shard has a new owner: sessions say there that they are here. */
  #announce(shards: ReadonlySet<ShardId>): void {
    const isMoved = (address: Address): boolean => shards.has(this.shardOf(address));
    this.#gate?.announce(isMoved);
    this.groups.announce(isMoved);
  }
}

/** Opens the real ports of a node, one after the other, and starts it on them. */
import { join } from 'node:path';
import { createNactHost } from '../actors/runtime/nact-host.ts';
import { createPasswordServer } from '../crypto/opaque-server.ts';
import type { VerifyingSuite } from '../crypto/suite.ts';
import { createVerifyingSuite } from '../crypto/verifying.ts';
import { identityFingerprint } from '../net/certificate.ts';
import { createTlsNetwork } from '../net/tls-links.ts';
import { openZmqTransport } from '../net/zmq-transport.ts';
import { writeAdminToken } from '../ops/admin-token.ts';
import type { Clock } from '../ops/clock.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import { startHttp } from '../ops/http.ts';
import type { Lifecycle } from '../ops/lifecycle.ts';
import type { Log } from '../ops/log.ts';
import { LoopSampler } from '../ops/loop-sampler.ts';
import { createMetrics, metricsPage } from '../ops/metrics.ts';
import type { Metrics } from '../ops/metrics.ts';
import { probeRoutes } from '../ops/probes.ts';
import type { ProcessIo } from '../ops/process-io.ts';
import { systemRandom } from '../ops/random.ts';
import { formatHostPort } from '../ops/units.ts';
import { programVersion } from '../ops/version.ts';
import { openDataDirectory } from '../persist/data-directory.ts';
import { openLmdbShardStore } from '../persist/lmdb-shard-store.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { storeFileBytes } from '../persist/store-files.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { ShardId } from '../protocol/ids.ts';
import { PROTOCOL_VERSION } from '../protocol/limits.ts';
import { adminRoutes } from './admin-routes.ts';
import { signingKeysOf, tlsIdentityOf } from './cluster-keys.ts';
import { clusterReport } from './cluster-report.ts';
import { coordination } from './coordination.ts';
import type { Place } from './enter-cluster.ts';
import { etcdAccess } from './etcd-access.ts';
import type { EtcdAccess } from './etcd-access.ts';
import { advertisedHost } from './node-addresses.ts';
import type { NodeAddresses } from './node-addresses.ts';
import { NodeHome, writePrivateFile } from './node-home.ts';
import { readMetrics, userMeter } from './node-metrics.ts';
import type { ReadyLine } from './node-process.ts';
import { ChatNode } from './node.ts';
import { Operator } from './operator.ts';
import { peerAnswers } from './peer-answers.ts';
import { Peers } from './peers.ts';
import { takePlace } from './take-place.ts';

export interface OpenOptions {
  readonly config: NodeConfig;
  readonly io: ProcessIo;
  readonly log: Log;
  readonly lifecycle: Lifecycle;
  /** Ends the process: the store can no longer be trusted. */
  readonly fail: (cause: unknown) => void;
  /** `admin drain`. */
  readonly drain: () => void;
}

/** Set once the cluster runs: what hand-overs still need of a journal. The store is open before that. */
interface JournalHolder {
  floor: ((shard: ShardId) => number | undefined) | undefined;
}

export interface OpenedNode {
  readonly node: ChatNode;
  readonly ready: ReadyLine;
  readonly clock: Clock;
}

/** The parts that exist before the node does. */
interface Ground {
  readonly home: NodeHome;
  readonly place: Place;
  readonly addresses: NodeAddresses;
  readonly suite: VerifyingSuite;
  readonly store: ShardStore;
  readonly metrics: Metrics;
  /** Undefined: the coordinator is embedded. */
  readonly etcd: EtcdAccess | undefined;
}

async function prepare(
  options: OpenOptions & { readonly journal: JournalHolder },
  directory: string,
): Promise<Ground> {
  const { config, io, lifecycle, fail, log } = options;
  const lock = openDataDirectory({ path: directory, random: systemRandom });
  await lifecycle.start({ name: 'data directory', stop: () => lock.release() });
  const home = new NodeHome(directory);
  const suite = await createVerifyingSuite();
  const metrics = createMetrics();
  const store = await openLmdbShardStore({
    directory: join(directory, 'store'),
    clock: io.clock,
    limits: config.limits,
    onFailure: fail,
    onFlush: (ms) => metrics.storeFlush.observeMs(ms),
    journalFloor: (shard) => options.journal.floor?.(shard),
  });
  await lifecycle.start({ name: 'store', stop: () => store.close() });
  log.event('info', 'store_opened', { shards: store.shards().length });
  const etcd = await etcdAccess(config, io.clock);
  const { place, addresses } = await takePlace({ config, io, log, home, suite, store, etcd });
  return { home, place, addresses, suite, store, metrics, etcd };
}

async function startChatNode(options: OpenOptions, ground: Ground, loop: LoopSampler) {
  const { config, io, log, lifecycle } = options;
  const { home, place, addresses, suite, store, metrics } = ground;
  const { identity, keys, view } = place;
  const { clock } = io;
  const fingerprint = identityFingerprint(tlsIdentityOf(keys));
  const coordinating = await coordination({ ...ground, config, clock, log, fingerprint });
  const curve = { publicKey: identity.curvePublicKey, secretKey: identity.curveSecretKey };
  const transport = await openZmqTransport({
    self: identity.name,
    bind: `tcp://${formatHostPort(addresses.mesh)}`,
    curve,
    clock,
  });
  const node = await ChatNode.start(
    {
      self: identity.name,
      bootId: systemRandom.bytes(16),
      clock,
      random: systemRandom,
      log,
      store,
      transport,
      openCoordinator: coordinating.open,
      network: createTlsNetwork({
        identity: tlsIdentityOf(keys),
        ticketKeys: keys.tlsTicketKeys,
        clock,
        limits: { connections: config.limits.connections },
      }),
      gate: { ...addresses.gate, advertisedHost: advertisedHost(addresses.gate.host) },
      curveKey: curve.publicKey,
      host: createNactHost({ clock, log }),
      suite,
      passwords: await createPasswordServer(keys.passwordSetup),
      signingKeys: signingKeysOf(keys),
      fingerprint,
      settings: {
        limits: config.limits,
        mailboxTtlMs: config.mailboxTtl,
        historyRetentionMs: config.historyRetention,
        balance: config.balance,
        registration: config.registration,
        stretching: keys.stretching,
        replicas: config.replicas,
        replaceAfterMs: config.replaceAfter,
      },
      meter: userMeter(metrics),
      utilisation: () => loop.utilisation,
      answerKnock: coordinating.answerKnock,
    },
    view,
  );
  await lifecycle.start({ name: 'node', stop: () => node.stop() });
  loop.start(() => readMetrics(node, metrics, loop));
  await lifecycle.start({ name: 'event-loop sampler', stop: () => loop.stop() });
  return { node, metrics, fingerprint, coordinating, home };
}

function urlOf(node: ChatNode, fingerprint: Uint8Array): string {
  const { advertisedHost: host } = node.ports.gate;
  const place = formatHostPort({ host, port: node.gate.port });
  return `fastchat://${place}?fp=${Buffer.from(fingerprint).toString('base64url')}`;
}

/** Shards that a replica, perhaps this node, has yet to take over. */
function ownerlessHere(node: ChatNode): number {
  const { directory } = node.cluster;
  const { self } = node.ports;
  return node.cluster
    .status()
    .ownerless.filter((shard) => directory.assignment(shard)?.replicas.includes(self) === true)
    .length;
}

function readiness(node: ChatNode): Readonly<Record<string, string | undefined>> {
  const { store, clock, self } = node.ports;
  const { shards, members, owned, served } = node.cluster.status();
  const unserved = (owned[self] ?? 0) - served;
  const waiting = ownerlessHere(node);
  const isAlone = members.length > 1 && members.filter(({ isUp }) => isUp).length <= 1;
  return {
    store: store.stats().full ? 'too little free space' : undefined,
    cluster: shards === 0 ? 'in no cluster yet' : undefined,
    mesh: isAlone ? 'no other member is heard' : undefined,
    lease:
      node.cluster.lease.validUntilMs > clock.mono()
        ? undefined
        : 'no lease: the coordinator does not answer',
    shards: unserved > 0 ? `${unserved} shards of this node are not served yet` : undefined,
    owners: waiting > 0 ? `${waiting} shards with a copy here have no owner` : undefined,
    draining: node.isDraining ? 'the node drains' : undefined,
  };
}

function operatorOf(node: ChatNode): Operator {
  const { mesh, ports } = node;
  const answers = peerAnswers(node, programVersion());
  return new Operator(node, new Peers({ mesh, self: ports.self, answers }));
}

/** Opens everything; on failure whoever called stops the lifecycle. @throws E_USAGE, E_DATA_IN_USE, E_CONFIG, E_IO, … */
export async function openNode(options: OpenOptions): Promise<OpenedNode> {
  const { config, io, log, lifecycle } = options;
  const { data } = config;
  if (data === undefined)
    throw new FastChatError('E_USAGE', 'say where the node keeps its data: --data DIR');
  const journal: JournalHolder = { floor: undefined };
  const ground = await prepare({ ...options, journal }, data);
  const loop = new LoopSampler(io.clock);
  const { node, metrics, fingerprint, coordinating, home } = await startChatNode(
    options,
    ground,
    loop,
  );
  journal.floor = (shard) => node.cluster.journalFloor(shard);
  metrics.storeMapBytes.follow(() => storeFileBytes(join(data, 'store')));
  const page = metricsPage(metrics, { version: programVersion(), protocol: PROTOCOL_VERSION });
  const cluster = { coordinator: config.coordinator.kind, replicas: config.replicas };
  const http = await startHttp({
    listen: ground.addresses.http,
    log,
    adminToken: await writeAdminToken(data, systemRandom),
    onAdminRefused: () => metrics.authFailures.admin.inc(),
    routes: {
      ...probeRoutes({
        metrics: page,
        checks: () => readiness(node),
        cluster: () => clusterReport(node, cluster),
      }),
      ...adminRoutes(node, operatorOf(node), {
        drain: options.drain,
        rotateJoinToken: coordinating.rotate,
        rebuildMap: () => coordinating.rebuildMap(node.cluster.directory.view),
      }),
    },
  });
  await lifecycle.start({ name: 'http', stop: () => http.close() });
  const ready: ReadyLine = {
    event: 'ready',
    node: node.ports.self,
    url: urlOf(node, fingerprint),
    mesh: node.mesh.endpoint,
    http: http.url,
    joinFile: home.joinFile,
    pid: process.pid,
  };
  await writePrivateFile(join(data, 'node.json'), `${JSON.stringify(ready)}\n`);
  return { node, ready, clock: io.clock };
}

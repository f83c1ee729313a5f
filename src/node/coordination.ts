/** Which coordinator this node uses, and who may join through it. */
import { Admission } from '../cluster/admission.ts';
import type { Coordinator } from '../cluster/coordinator.ts';
import { serveCoordinator } from '../cluster/coordinator-server.ts';
import { EmbeddedCoordinator } from '../cluster/embedded-coordinator.ts';
import { EtcdCoordinator } from '../cluster/etcd/etcd-coordinator.ts';
import { rebuildMap } from '../cluster/etcd/rebuild.ts';
import { formatJoinToken, newJoinSecret, parseJoinToken } from '../cluster/join-token.ts';
import type { ClusterView } from '../cluster/members.ts';
import { RemoteCoordinator } from '../cluster/remote-coordinator.ts';
import { ShardDirectory } from '../cluster/shard-map.ts';
import type { Mesh } from '../net/mesh.ts';
import type { RebuildReport } from '../ops/admin-api.ts';
import type { Clock } from '../ops/clock.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import type { Log } from '../ops/log.ts';
import { systemRandom } from '../ops/random.ts';
import type { ShardStore } from '../persist/shard-store.ts';
import { encode } from '../protocol/codec.ts';
import { FastChatError, invariant } from '../protocol/errors.ts';
import { clusterKeys } from './cluster-keys.ts';
import type { Place } from './enter-cluster.ts';
import type { EtcdAccess } from './etcd-access.ts';
import { advertisedHost } from './node-addresses.ts';
import type { NodeAddresses } from './node-addresses.ts';
import type { NodeHome } from './node-home.ts';

export interface CoordinationOptions {
  readonly home: NodeHome;
  readonly place: Place;
  readonly addresses: NodeAddresses;
  readonly store: ShardStore;
  /** Undefined: the coordinator is embedded. */
  readonly etcd: EtcdAccess | undefined;
  readonly config: NodeConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly fingerprint: Uint8Array;
}

export interface Coordination {
  readonly open: (mesh: Mesh) => Coordinator;
  readonly answerKnock: (item: readonly unknown[]) => Promise<unknown[]>;
  /** Makes a new join token; answers its line. */
  readonly rotate: () => Promise<string>;
  /** Writes `view` into an etcd that has lost the map. @throws E_USAGE (it has one, or the coordinator is embedded) */
  readonly rebuildMap: (view: ClusterView) => Promise<RebuildReport>;
}

function openCoordinator(options: CoordinationOptions, mesh: Mesh): Coordinator {
  const { place, store, config, clock, log, etcd } = options;
  const { identity, keys } = place;
  if (etcd !== undefined)
    return new EtcdCoordinator({
      gateway: etcd.open(),
      prefix: etcd.keys.prefix,
      clusterId: keys.clusterId,
      seenVersion: new ShardDirectory(store).view.map.version,
      clock,
      log,
    });
  if (identity.coordinator !== undefined && identity.coordinator !== identity.name)
    return new RemoteCoordinator({ mesh, at: identity.coordinator, clock });
  const coordinator = new EmbeddedCoordinator({ store, clock, shards: config.shards });
  serveCoordinator({ coordinator, mesh, clock });
  return coordinator;
}

/** What the cluster was made with is remembered: another coordinator would know nothing of it. */
function checkKind({ etcd, place }: CoordinationOptions): void {
  const isInEtcd = place.identity.coordinator === undefined;
  if (isInEtcd && etcd === undefined)
    throw new FastChatError(
      'E_CONFIG',
      'coordinator: this cluster keeps its map in etcd: start with --coordinator etcd://host:2379 as the other nodes',
    );
  if (!isInEtcd && etcd !== undefined)
    throw new FastChatError(
      'E_CONFIG',
      'coordinator: this cluster was made with the embedded one: start without --coordinator',
    );
}

async function rebuild(
  { etcd, place }: CoordinationOptions,
  view: ClusterView,
): Promise<RebuildReport> {
  if (etcd === undefined)
    throw new FastChatError(
      'E_USAGE',
      'the map of this cluster is not in etcd, but at its first node',
    );
  const gateway = etcd.open();
  const { clusterId } = place.keys;
  const attempt = systemRandom.bytes(16);
  try {
    await rebuildMap({ gateway, keys: etcd.keys, clusterId, view, attempt });
  } finally {
    gateway.close();
  }
  const { members, map } = view;
  return { version: map.version, members: members.length, shards: map.shards.length };
}

/** The secret of the token file that is there, so that tokens given out stay good. */
async function rememberedSecret(home: NodeHome): Promise<Uint8Array> {
  const line = await home.readJoinToken();
  return line === undefined ? newJoinSecret(systemRandom) : parseJoinToken(line).secret;
}

export async function coordination(options: CoordinationOptions): Promise<Coordination> {
  const { home, place, addresses, clock, log, fingerprint } = options;
  checkKind(options);
  const tokenOf = (secret: Uint8Array): string =>
    formatJoinToken({
      gateHost: advertisedHost(addresses.gate.host),
      gatePort: addresses.gate.port,
      fingerprint,
      secret,
    });
  const secret = await rememberedSecret(home);
  await home.writeJoinToken(tokenOf(secret));
  let admission: Admission | undefined;
  return {
    open(mesh) {
      const coordinator = openCoordinator(options, mesh);
      admission = new Admission({
        clusterId: place.keys.clusterId,
        keys: () => encode(clusterKeys, place.keys),
        coordinatorNode: place.identity.coordinator,
        coordinator,
        secret,
        clock,
        random: systemRandom,
        log,
      });
      return coordinator;
    },
    answerKnock(item) {
      invariant(admission !== undefined, 'the gate opens after the coordinator');
      return admission.answer(item);
    },
    rebuildMap: (view) => rebuild(options, view),
    async rotate() {
      invariant(admission !== undefined, 'routes open after the coordinator');
      const line = tokenOf(admission.rotate());
      await home.writeJoinToken(line);
      return line;
    },
  };
}

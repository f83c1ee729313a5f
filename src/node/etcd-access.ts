/** The way to etcd as the settings describe it: addresses, certificates, and what this cluster is called there. */
import { readFile } from 'node:fs/promises';
import { createCluster } from '../cluster/etcd/create.ts';
import { EtcdGateway } from '../cluster/etcd/gateway.ts';
import type { EtcdTls } from '../cluster/etcd/gateway.ts';
import { EtcdKeys } from '../cluster/etcd/keys.ts';
import type { Clock } from '../ops/clock.ts';
import type { NodeConfig } from '../ops/config-schema.ts';
import type { EtcdSetting } from '../ops/config-types.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId } from '../protocol/ids.ts';

/** How to reach etcd, and under which keys. */
export interface EtcdAccess {
  readonly keys: EtcdKeys;
  /** A new way, to be closed by whoever asked for it. */
  readonly open: () => EtcdGateway;
}

const TLS_FILES = {
  ca: 'coordinatorCa',
  cert: 'coordinatorCert',
  key: 'coordinatorKey',
} as const satisfies Record<keyof EtcdTls, keyof NodeConfig>;

async function readPem(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FastChatError('E_CONFIG', `${flag}: cannot read ${path}`, { cause });
  }
}

async function readTls(
  config: NodeConfig,
  { isSecure }: EtcdSetting,
): Promise<EtcdTls | undefined> {
  const { coordinatorCa, coordinatorCert, coordinatorKey } = config;
  const given = Object.values(TLS_FILES).filter((name) => config[name] !== undefined);
  if (!isSecure && given.length > 0)
    throw new FastChatError('E_CONFIG', 'coordinator: certificates are for etcds://, not etcd://');
  if ((coordinatorCert === undefined) !== (coordinatorKey === undefined))
    throw new FastChatError('E_CONFIG', 'coordinator-cert and coordinator-key go together');
  if (!isSecure) return undefined;
  return {
    ca: await readPem('coordinator-ca', coordinatorCa),
    cert: await readPem('coordinator-cert', coordinatorCert),
    key: await readPem('coordinator-key', coordinatorKey),
  };
}

/** Undefined: the coordinator is embedded. @throws E_CONFIG (certificates) */
export async function etcdAccess(
  config: NodeConfig,
  clock: Clock,
): Promise<EtcdAccess | undefined> {
  const { coordinator } = config;
  if (coordinator.kind === 'embedded') return undefined;
  const { endpoints, name } = coordinator;
  const tls = await readTls(config, coordinator);
  return {
    keys: new EtcdKeys(`${name}/`),
    open: () => new EtcdGateway({ endpoints, tls, clock }),
  };
}

/** Makes the cluster of the first node there. @throws E_CONFIG (another cluster has the name), E_UNREACHABLE */
export async function claimInEtcd(
  { keys, open }: EtcdAccess,
  record: { readonly clusterId: Uint8Array; readonly shards: number; readonly first: NodeId },
): Promise<void> {
  const gateway = open();
  try {
    await createCluster(gateway, keys, record);
  } finally {
    gateway.close();
  }
}

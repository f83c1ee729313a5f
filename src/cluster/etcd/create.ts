/** Makes a cluster in etcd, once. */
import { sameBytes } from '../../protocol/same-bytes.ts';
import { decode, encode } from '../../protocol/codec.ts';
import { readKey, transact } from './client.ts';
import type { EtcdGateway } from './gateway.ts';
import { clusterRecord } from './keys.ts';
import type { ClusterRecord, EtcdKeys } from './keys.ts';
import { otherCluster } from './mirror.ts';

/** Doing it again for the same cluster changes nothing. @throws E_CONFIG (another cluster is under the prefix), E_UNREACHABLE */
export async function createCluster(
  gateway: EtcdGateway,
  keys: EtcdKeys,
  record: Omit<ClusterRecord, 'base'>,
): Promise<void> {
  const value = encode(clusterRecord, { ...record, base: 0 });
  const isMade = await transact(
    gateway,
    [{ key: keys.cluster, exists: false }],
    [
      { key: keys.cluster, value },
      { key: keys.changed, value: new Uint8Array(1) },
    ],
  );
  if (isMade) return;
  const found = await readKey(gateway, keys.cluster);
  const present = found?.value && decode(clusterRecord, found.value);
  if (present === undefined || !sameBytes(present.clusterId, record.clusterId))
    throw otherCluster(keys);
}

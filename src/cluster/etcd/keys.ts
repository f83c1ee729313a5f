/**
 * Where a cluster keeps what in etcd, under its prefix:
 *
 *   cluster        which cluster this is; made once, and its absence means that there is none
 *   changed        written with every change of members or map: its revision numbers the view
 *   member/NODE    a node as the others need it
 *   shard/NUMBER   who holds a shard; missing: as it was when the cluster was made
 *   lease/NODE     there as long as the node renews its lease
 *   store/NODE     the token of the node's store that was seen last
 *   rebuilding     while a lost map is written anew (`rebuild.ts`)
 */
import { parseNodeId, parseShardId } from '../../protocol/ids.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { bytes, nodeId, struct, u16, u53 } from '../../protocol/schema.ts';
import type { Infer } from '../../protocol/schema.ts';

export const clusterRecord = struct({
  clusterId: bytes(16),
  shards: u16,
  /** Owns every shard that nobody has written yet, in epoch 1. */
  first: nodeId,
  /** Added to the revision of `changed`: a map that was rebuilt in an empty etcd is newer than every earlier one. */
  base: u53,
});
export type ClusterRecord = Infer<typeof clusterRecord>;

export type KeyName =
  | { readonly kind: 'cluster' | 'changed' }
  | { readonly kind: 'member' | 'lease' | 'store'; readonly node: NodeId }
  | { readonly kind: 'shard'; readonly shard: ShardId };

const SHARD_DIGITS = 4;

export class EtcdKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  get cluster(): string {
    return `${this.prefix}cluster`;
  }

  get changed(): string {
    return `${this.prefix}changed`;
  }

  get rebuilding(): string {
    return `${this.prefix}rebuilding`;
  }

  member(node: NodeId): string {
    return `${this.prefix}member/${node}`;
  }

  lease(node: NodeId): string {
    return `${this.prefix}lease/${node}`;
  }

  store(node: NodeId): string {
    return `${this.prefix}store/${node}`;
  }

  shard(shard: ShardId): string {
    return `${this.prefix}shard/${String(shard).padStart(SHARD_DIGITS, '0')}`;
  }

  /** The keys that begin with the prefix and `folder`, as etcd writes a range. */
  under(folder: '' | 'member/' | 'shard/' | 'store/'): {
    readonly from: string;
    readonly to: string;
  } {
    const from = this.prefix + folder;
    const last = from.charCodeAt(from.length - 1);
    return { from, to: from.slice(0, -1) + String.fromCharCode(last + 1) };
  }

  /** What a key under the prefix stands for; undefined: nothing of ours. */
  parse(key: string): KeyName | undefined {
    if (!key.startsWith(this.prefix)) return undefined;
    const [folder = '', name] = key.slice(this.prefix.length).split('/');
    if (name === undefined)
      return folder === 'cluster' || folder === 'changed' ? { kind: folder } : undefined;
    if (folder === 'shard') return { kind: 'shard', shard: parseShardId(Number(name)) };
    if (folder === 'member' || folder === 'lease' || folder === 'store')
      return { kind: folder, node: parseNodeId(name) };
    return undefined;
  }
}

/**
 * What is in etcd under the prefix, as far as this node knows: filled by a read of everything, followed by events. It
 * never goes back (C1). A version is older or newer whatever the revision is, because a map that was rebuilt in an empty
 * etcd begins with small revisions again; within one version the revision decides.
 */
import { decode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import { member as memberRecord, shardAssignment } from '../members.ts';
import type { ClusterView, Member, ShardAssignment } from '../members.ts';
import { freshShards } from '../shards.ts';
import { clusterRecord } from './keys.ts';
import type { ClusterRecord, EtcdKeys } from './keys.ts';

/** A key with its value; no value: it was deleted. */
export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly modRevision: number;
}

interface Versioned<T> {
  readonly value: T;
  readonly modRevision: number;
}

function put<K, T>(map: Map<K, T>, key: K, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** One state of the keys under the prefix; replaced as a whole by a read, changed by events. */
class Contents {
  cluster: Versioned<ClusterRecord> | undefined;
  changedRevision = 0;
  readonly members = new Map<NodeId, Versioned<Member>>();
  readonly shards = new Map<ShardId, Versioned<ShardAssignment>>();
  readonly leases = new Map<NodeId, Uint8Array>();

  get version(): number {
    return (this.cluster?.value.base ?? 0) + this.changedRevision;
  }

  /** @throws E_BAD_FRAME, E_BAD_NAME: something else is under the prefix */
  set(keys: EtcdKeys, { key, value, modRevision }: KeyValue): void {
    const name = keys.parse(key);
    switch (name?.kind) {
      case 'cluster':
        this.cluster = value && { value: decode(clusterRecord, value), modRevision };
        break;
      case 'changed':
        this.changedRevision = modRevision;
        break;
      case 'member':
        put(this.members, name.node, value && { value: decode(memberRecord, value), modRevision });
        break;
      case 'shard':
        put(
          this.shards,
          name.shard,
          value && { value: decode(shardAssignment, value), modRevision },
        );
        break;
      case 'lease':
        put(this.leases, name.node, value);
        break;
      case 'store':
      case undefined:
    }
  }
}

export interface MirrorOptions {
  readonly keys: EtcdKeys;
  /** Of the cluster that this node belongs to. */
  readonly clusterId: Uint8Array;
  /** The newest version that this node ever knew. */
  readonly seenVersion: number;
}

export class EtcdMirror {
  readonly #options: MirrorOptions;
  #contents = new Contents();
  #revision = 0;
  #newestChange = 0;
  #version: number;
  #view: ClusterView | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#version = options.seenVersion;
  }

  /** Up to which change of etcd this is complete; 0: nothing was read yet. */
  get revision(): number {
    return this.#revision;
  }

  /** The newest version that is known, here or by an earlier life of this node. */
  get version(): number {
    return this.#version;
  }

  /** The newest revision that is known to have changed anything under the prefix. */
  get newestChange(): number {
    return this.#newestChange;
  }

  /** The view after the last read or event; undefined before. */
  get view(): ClusterView | undefined {
    return this.#view;
  }

  /** Nodes whose lease is there, members or not. */
  get leases(): ReadonlyMap<NodeId, Uint8Array> {
    return this.#contents.leases;
  }

  get cluster(): ClusterRecord | undefined {
    return this.#contents.cluster?.value;
  }

  /** The revision that last changed a shard or a member; 0: never written. */
  shardRevision(shard: ShardId): number {
    return this.#contents.shards.get(shard)?.modRevision ?? 0;
  }

  memberRevision(node: NodeId): number {
    return this.#contents.members.get(node)?.modRevision ?? 0;
  }

  /**
   * Takes over a read of everything under the prefix, unless something newer is known. `knownBefore` is the version that
   * was known when the read was asked for: what a majority then tells cannot be older, unless etcd was put back; what is
   * only older than what came meanwhile is a late answer.
   * @throws E_CONFIG (another cluster's), E_UNREACHABLE (no cluster there, or an older state than was seen before)
   */
  load(all: readonly KeyValue[], revision: number, knownBefore: number): void {
    const next = new Contents();
    for (const pair of all) next.set(this.#options.keys, pair);
    const newestChange = Math.max(0, ...all.map(({ modRevision }) => modRevision));
    const cluster = this.#checked(next, knownBefore);
    const isLate = next.version < this.#version;
    if (isLate || (next.version === this.#version && revision < this.#revision)) return;
    this.#adopt(next, cluster, revision);
    this.#newestChange = newestChange;
  }

  /** Takes over the changes of one or more whole revisions after the last. @throws as `load` */
  apply(changes: readonly KeyValue[], revision: number): void {
    if (revision <= this.#revision) return;
    for (const change of changes)
      if (change.modRevision > this.#revision) this.#contents.set(this.#options.keys, change);
    const cluster = this.#checked(this.#contents, this.#version);
    this.#adopt(this.#contents, cluster, revision);
    this.#newestChange = revision;
  }

  #checked({ cluster, version }: Contents, oldestVersion: number): ClusterRecord {
    const { clusterId, keys } = this.#options;
    if (cluster === undefined)
      throw new FastChatError(
        'E_UNREACHABLE',
        `etcd has lost the map of this cluster (${keys.prefix}): see “etcd lost” in docs/OPERATING.md`,
      );
    if (!sameBytes(cluster.value.clusterId, clusterId)) throw otherCluster(keys);
    if (version < oldestVersion)
      throw new FastChatError(
        'E_UNREACHABLE',
        `etcd was put back to an older state (version ${version}, seen ${oldestVersion}): see “etcd lost” in docs/OPERATING.md`,
      );
    return cluster.value;
  }

  #adopt(contents: Contents, cluster: ClusterRecord, revision: number): void {
    const { version } = contents;
    this.#contents = contents;
    this.#revision = revision;
    if (version === this.#version && this.#view !== undefined) return;
    this.#version = version;
    this.#view = viewOf(contents, cluster);
  }
}

/** Somebody else's cluster is under this prefix. */
export function otherCluster(keys: EtcdKeys): FastChatError {
  return new FastChatError(
    'E_CONFIG',
    `coordinator: etcd keeps another cluster under ${keys.prefix}: join that one with --join, or choose a prefix of your own, etcd://host:2379/NAME`,
  );
}

function viewOf({ members, shards, version }: Contents, cluster: ClusterRecord): ClusterView {
  const fresh = freshShards(cluster.first, cluster.shards);
  const byName = [...members.values()].map(({ value }) => value);
  return {
    members: byName.toSorted((left, right) => (left.node < right.node ? -1 : 1)),
    map: {
      version,
      shards: fresh.map((unwritten, shard) => shards.get(shard as ShardId)?.value ?? unwritten),
    },
  };
}

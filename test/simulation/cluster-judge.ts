/** The verdict on the nodes, beside the one on what users saw: one owner an epoch, and whole, equal copies at rest. */
import type { ChatNode } from '../../src/node/node.ts';
import type { Log, LogFields } from '../../src/ops/log.ts';
import { allShards } from '../../src/cluster/shards.ts';
import type { ShardStore } from '../../src/persist/shard-store.ts';
import type { ShardId } from '../../src/protocol/ids.ts';
import type { SimNode } from './sim-node.ts';

const PAGE_KEYS = 500;

export class ClusterJudge {
  /** Who began to serve, by shard and epoch. */
  readonly #owners = new Map<string, LogFields[string]>();
  readonly #violations: string[] = [];
  readonly #nodes: readonly SimNode[];
  readonly #replicas: number;

  /** `replicas`: how many copies every shard must have at rest. */
  constructor(nodes: readonly SimNode[], replicas: number) {
    this.#nodes = nodes;
    this.#replicas = replicas;
  }

  /** What never mends: two nodes that served a shard in one epoch. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** A log that the nodes write and this judge reads. */
  log(fields: LogFields = {}): Log {
    return {
      event: (_, name, more) => {
        if (name === 'shard_taken') this.#taken({ ...fields, ...more });
      },
      child: (more) => this.log({ ...fields, ...more }),
    };
  }

  /** Shards that no node serves. */
  unserved(): readonly ShardId[] {
    return this.#shards().filter((shard) => this.#serving(shard).length === 0);
  }

  /** Why the cluster is not at rest: shards with two owners, with too few copies, with copies that lag or differ. */
  unrest(): readonly string[] {
    return this.#shards().flatMap((shard) => this.#unrestOf(shard) ?? []);
  }

  #taken({ node, shard, epoch }: LogFields): void {
    const key = `shard ${Number(shard)} in epoch ${Number(epoch)}`;
    const before = this.#owners.get(key) ?? node;
    this.#owners.set(key, before);
    if (before !== node) this.#violations.push(`${key} was served by two nodes`);
  }

  #shards(): readonly ShardId[] {
    const sizes = this.#up().map(({ cluster }) => cluster.directory.shards);
    return allShards(Math.max(0, ...sizes));
  }

  #up(): readonly ChatNode[] {
    return this.#nodes.filter(({ isUp }) => isUp).map(({ node }) => node);
  }

  #serving(shard: ShardId): readonly ChatNode[] {
    return this.#up().filter(({ cluster }) => cluster.ownership.tenure(shard) !== undefined);
  }

  #unrestOf(shard: ShardId): string | undefined {
    const [owner, ...others] = this.#serving(shard);
    const name = `shard ${shard}`;
    if (owner === undefined || others.length > 0)
      return `${name} is served by ${others.length + (owner === undefined ? 0 : 1)} nodes`;
    const replicas = owner.cluster.directory.assignment(shard)?.replicas ?? [];
    if (replicas.length < this.#replicas) return `${name} has only ${replicas.join(' ')}`;
    const holders = this.#up().filter(({ ports }) => replicas.includes(ports.self));
    if (holders.length < replicas.length) return `a copy of ${name} is down`;
    const contents = new Set(holders.map(({ ports }) => contentOf(ports.store, shard)));
    if (contents.size === 1) return undefined;
    const heads = holders.map(({ ports: { self, store } }) => `${self} at ${headOf(store, shard)}`);
    return `copies of ${name} differ: ${heads.join(', ')}`;
  }
}

function headOf(store: ShardStore, shard: ShardId): string {
  const { epoch, seq } = store.head(shard);
  return `${seq} of epoch ${epoch}`;
}

function contentOf(store: ShardStore, shard: ShardId): string {
  const lines = [headOf(store, shard)];
  let from: Uint8Array | undefined;
  do {
    const page = store.snapshotPage(shard, from, PAGE_KEYS);
    for (const { key, value } of page.writes)
      lines.push(`${Buffer.from(key).toString('hex')}=${Buffer.from(value ?? []).toString('hex')}`);
    from = page.next;
  } while (from !== undefined);
  return lines.join('\n');
}

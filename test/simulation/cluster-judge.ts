/** The verdict on the nodes, beside the one on what users saw: one owner an epoch, and whole, equal copies at rest. */
import { logRecord } from '../../src/actors/user/records.ts';
import type { LogRecord } from '../../src/actors/user/records.ts';
import type { ChatNode } from '../../src/node/node.ts';
import type { Log, LogFields } from '../../src/ops/log.ts';
import { allShards } from '../../src/cluster/shards.ts';
import type { ShardStore } from '../../src/persist/shard-store.ts';
import { after, storeKey } from '../../src/persist/keys.ts';
import { byteText } from '../../src/persist/write-overlay.ts';
import { decode } from '../../src/protocol/codec.ts';
import type { Address, NodeId, ShardId, UserId } from '../../src/protocol/ids.ts';
import type { SimNode } from './sim-node.ts';

const PAGE_KEYS = 500;
const NO_VALUE = new Uint8Array(0);

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

  /** Messages that a log holds twice (I7), and places that it leaves out; whether or not a client notices. */
  logViolations(): readonly string[] {
    return this.#shards().flatMap((shard) => {
      const [owner] = this.#serving(shard);
      const users = owner?.actors.usersIn(shard) ?? [];
      return users.flatMap((user) =>
        owner === undefined ? [] : mistakesIn(user, inboxOf(user, shard, owner.ports.store)),
      );
    });
  }

  /** Where the one node that serves an address keeps it; undefined: none or several do. */
  placeOf(address: Address): { readonly store: ShardStore; readonly shard: ShardId } | undefined {
    const shard = this.#up()[0]?.shardOf(address);
    const [owner, ...others] = shard === undefined ? [] : this.#serving(shard);
    if (owner === undefined || shard === undefined || others.length > 0) return undefined;
    return { store: owner.ports.store, shard };
  }

  /** Whether every shard has two copies of everything on the disks of other nodes than this one. */
  isCoveredWithout(node: NodeId): boolean {
    return this.#shards().every((shard) => {
      const [owner, ...others] = this.#serving(shard);
      const tenure = owner?.cluster.ownership.tenure(shard);
      if (owner === undefined || tenure === undefined || others.length > 0) return false;
      const { seq } = owner.ports.store.head(shard);
      const holders = tenure.replicas.filter((replica) => tenure.flushedAt(replica) >= seq);
      return holders.filter((replica) => replica !== node).length >= 2;
    });
  }

  isAtRest(): boolean {
    return this.#shards().every((shard) => this.#unrestOf(shard) === undefined);
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
    const isOne = (of: (store: ShardStore, which: ShardId) => string): boolean =>
      new Set(holders.map(({ ports }) => of(ports.store, shard))).size === 1;
    // The whole content is a lot to compare.
    if (isOne(headOf) && isOne(contentOf)) return undefined;
    const heads = holders.map(({ ports: { self, store } }) => `${self} at ${headOf(store, shard)}`);
    return `copies of ${name} differ: ${heads.join(', ')}`;
  }
}

function inboxOf(user: UserId, shard: ShardId, store: ShardStore): readonly LogRecord[] {
  const prefix = storeKey(user, 'log');
  const entries: LogRecord[] = [];
  for (let from = prefix; ;) {
    const page = store.range(shard, from, after(prefix), { limit: PAGE_KEYS });
    entries.push(...page.map(([, value]) => decode(logRecord, value)));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE_KEYS) return entries;
    from = storeKey(last[0], Uint8Array.of(0));
  }
}

function mistakesIn(user: UserId, log: readonly LogRecord[]): readonly string[] {
  const taken = new Set<string>();
  return log.flatMap(({ seq, from, device, counter }, index) => {
    const message = `${from}/${device} ${counter}`;
    const isTwice = taken.has(message);
    taken.add(message);
    const isGap = seq !== (log[0]?.seq ?? 0) + index;
    return [
      ...(isTwice ? [`the log of ${user} holds message ${message} twice`] : []),
      ...(isGap ? [`the log of ${user} leaves out a place before ${seq}`] : []),
    ];
  });
}

function headOf(store: ShardStore, shard: ShardId): string {
  const { epoch, seq } = store.head(shard);
  return `${seq} of epoch ${epoch}`;
}

function contentOf(store: ShardStore, shard: ShardId): string {
  const parts: string[] = [];
  let from: Uint8Array | undefined;
  do {
    const page = store.snapshotPage(shard, from, PAGE_KEYS);
    for (const { key, value = NO_VALUE } of page.writes)
      parts.push(String(key.length), byteText(key), String(value.length), byteText(value));
    from = page.next;
  } while (from !== undefined);
  return parts.join(' ');
}

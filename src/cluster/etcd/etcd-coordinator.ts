/**
 * The coordinator in an etcd cluster: every node asks etcd itself, so the loss of any node, and of a minority of etcd's
 * members, stops nothing.
 *
 * Changes are transactions that name what they assume (C2); what etcd answered is on the disks of a majority there (C3).
 * The version of the view is the revision of a key that every change writes, so it grows with every change of ours and
 * with nothing else (C1).
 */
import type { Clock } from '../../ops/clock.ts';
import type { Log } from '../../ops/log.ts';
import { decode, encode } from '../../protocol/codec.ts';
import { FastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import { ETCD_CONFLICTS_MAX } from '../../protocol/limits.ts';
import type { Coordinator, Lease } from '../coordinator.ts';
import { isMember, joinMember, leaveMember, swapShard } from '../coordinator-state.ts';
import { RenewedLease } from '../lease.ts';
import { member as memberRecord, shardAssignment } from '../members.ts';
import type { ClusterView, Member, ShardAssignment } from '../members.ts';
import { judgeStore, storeSeen } from '../store-tokens.ts';
import type { StoreClaim, StoreVerdict } from '../store-tokens.ts';
import { ViewListeners } from '../view-listeners.ts';
import type { OnLive, OnView, Subscription } from '../view-listeners.ts';
import { readKey, transact } from './client.ts';
import type { Condition, Write } from './client.ts';
import { EtcdLease } from './etcd-lease.ts';
import { EtcdFollower } from './follower.ts';
import type { EtcdGateway } from './gateway.ts';
import { EtcdKeys } from './keys.ts';
import { EtcdMirror } from './mirror.ts';

export interface EtcdCoordinatorOptions {
  /** Closed with the coordinator. */
  readonly gateway: EtcdGateway;
  readonly prefix: string;
  readonly clusterId: Uint8Array;
  /** The newest version that this node ever knew: an etcd that is behind it was put back. Default 0. */
  readonly seenVersion?: number;
  readonly clock: Clock;
  readonly log: Log;
}

type Swapped = { readonly swapped: boolean; readonly current: ShardAssignment };

/** Written with every change: its revision is the version of the view. */
const TOUCH = new Uint8Array(1);

/** What this node holds in etcd. */
interface OwnLease {
  readonly node: NodeId;
  readonly held: EtcdLease;
  readonly renewed: RenewedLease;
}

export class EtcdCoordinator implements Coordinator {
  readonly #gateway: EtcdGateway;
  readonly #keys: EtcdKeys;
  readonly #mirror: EtcdMirror;
  readonly #clock: Clock;
  readonly #listeners = new ViewListeners();
  readonly #follower: EtcdFollower;
  #own: OwnLease | undefined;

  constructor(options: EtcdCoordinatorOptions) {
    const { gateway, prefix, clusterId, clock, log, seenVersion = 0 } = options;
    this.#gateway = gateway;
    this.#keys = new EtcdKeys(prefix);
    this.#mirror = new EtcdMirror({ keys: this.#keys, clusterId, seenVersion });
    this.#clock = clock;
    this.#follower = new EtcdFollower({
      gateway,
      keys: this.#keys,
      mirror: this.#mirror,
      clock,
      log,
      onView: (view) => this.#listeners.tell(view),
      onLive: (live) => this.#listeners.tellLive(live),
      onNews: () => this.#checkOwnLease(),
    });
  }

  async join(member: Member): Promise<ClusterView> {
    return await this.#untilDone(async () => {
      const view = await this.view();
      const shards = view.map.shards.length;
      if (joinMember(view, member, shards) === view) return view;
      const { from, to } = this.#keys.under('member/');
      const key = this.#keys.member(member.node);
      const hasJoined = await this.#change(
        [{ from, to, nothingAfter: this.#mirror.revision }],
        [{ key, value: encode(memberRecord, member) }],
      );
      return hasJoined ? await this.view() : undefined;
    });
  }

  async leave(node: NodeId): Promise<void> {
    await this.#untilDone(async () => {
      const view = await this.view();
      if (leaveMember(view, node) === view) return true;
      const nothingAfter = this.#mirror.revision;
      const hasLeft = await this.#change(
        [
          { ...this.#keys.under('shard/'), nothingAfter },
          { key: this.#keys.member(node), unchangedSince: this.#mirror.memberRevision(node) },
        ],
        [{ remove: this.#keys.member(node) }, { remove: this.#keys.store(node) }],
      );
      return hasLeft || undefined;
    });
    await this.view();
  }

  view(): Promise<ClusterView> {
    return this.#follower.refresh();
  }

  async swap(shard: ShardId, expectedEpoch: number, next: ShardAssignment): Promise<Swapped> {
    const told = this.#mirror.view;
    // What the watch has told is good enough to try, if it allows the change: the transaction checks it.
    const mayTry = told !== undefined && isPossible(told, shard, expectedEpoch, next);
    const view = mayTry ? told : await this.view();
    const { swapped, current } = swapShard(view, shard, expectedEpoch, next);
    if (!swapped) return { swapped, current };
    const unchangedSince = this.#mirror.shardRevision(shard);
    const members = next.replicas.map((node) => ({ key: this.#keys.member(node), exists: true }));
    const key = this.#keys.shard(shard);
    const isSet = await this.#change(
      [{ key, unchangedSince }, ...members],
      [{ key, value: encode(shardAssignment, next) }],
    );
    if (isSet) return { swapped: true, current: next };
    const present = swapShard(await this.view(), shard, expectedEpoch, next);
    if (!present.swapped) return { swapped: false, current: present.current };
    throw new FastChatError('E_UNREACHABLE', 'the map changed meanwhile: try again');
  }

  async recognise(node: NodeId, claim: StoreClaim): Promise<StoreVerdict> {
    const key = this.#keys.store(node);
    return await this.#untilDone(async () => {
      const found = await readKey(this.#gateway, key);
      const seen = found?.value && decode(storeSeen, found.value);
      const verdict = judgeStore(seen, claim);
      if (!verdict.isKnown) return verdict;
      const value = encode(storeSeen, { node, count: claim.count, token: claim.next });
      const isUnchanged = { key, unchangedSince: found?.modRevision ?? 0 };
      return (await transact(this.#gateway, [isUnchanged], [{ key, value }])) ? verdict : undefined;
    });
  }

  lease(node: NodeId): Lease {
    const held = new EtcdLease(this.#gateway, this.#keys, node);
    const renew = async (): Promise<void> => {
      await held.renew();
      this.#follower.liveness.heard();
    };
    const renewed = new RenewedLease({ clock: this.#clock, renew, end: () => held.end() });
    this.#own = { node, held, renewed };
    return renewed;
  }

  live(): ReadonlySet<NodeId> | undefined {
    return this.#follower.liveness.live;
  }

  watch(onView: OnView, onLive?: OnLive): Subscription {
    return this.#listeners.add(onView, onLive);
  }

  async close(): Promise<void> {
    this.#own?.renewed.stop();
    this.#follower.close();
    this.#listeners.clear();
    this.#gateway.close();
    await Promise.resolve();
  }

  /** One change of members or map; false: what it assumes no longer holds. */
  #change(conditions: readonly Condition[], writes: readonly Write[]): Promise<boolean> {
    const exists = { key: this.#keys.cluster, exists: true };
    const touch = { key: this.#keys.changed, value: TOUCH };
    return transact(this.#gateway, [exists, ...conditions], [...writes, touch]);
  }

  /** Tries again while others change the same things at the same time. */
  async #untilDone<T>(attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < ETCD_CONFLICTS_MAX; tries += 1) {
      const outcome = await attempt();
      if (outcome !== undefined) return outcome;
    }
    throw new FastChatError('E_UNREACHABLE', 'others change the cluster all the time: try again');
  }

  #checkOwnLease(): void {
    if (this.#own === undefined || this.#mirror.leases.has(this.#own.node)) return;
    this.#own.held.noteMissing(this.#mirror.revision);
  }
}

function isPossible(
  view: ClusterView,
  shard: ShardId,
  epoch: number,
  next: ShardAssignment,
): boolean {
  const isCurrent = view.map.shards[shard]?.epoch === epoch;
  return isCurrent && next.replicas.every((node) => isMember(view, node));
}

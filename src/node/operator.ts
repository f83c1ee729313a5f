/** What an operator can ask one node about the whole cluster, and have it do. */
import type { PlacementStep } from '../cluster/placement/plan.ts';
import type {
  CopyReport,
  ForgetReport,
  NodeReport,
  RebalanceReport,
  UserList,
  WhereReport,
} from '../ops/admin-api.ts';
import { FastChatError } from '../protocol/errors.ts';
import type { Address, NodeId } from '../protocol/ids.ts';
import { FORGET_ANSWER_MS, LISTED_USERS_MAX } from '../protocol/limits.ts';
import { memberReports } from './cluster-report.ts';
import type { ChatNode } from './node.ts';
import type { PeerReply } from './peer-calls.ts';
import type { Peers } from './peers.ts';

export class Operator {
  readonly #node: ChatNode;
  readonly #peers: Peers;

  constructor(node: ChatNode, peers: Peers) {
    this.#node = node;
    this.#peers = peers;
  }

  async nodes(): Promise<readonly NodeReport[]> {
    const about = await this.#peers.askAll(this.#members, { type: 'about' });
    const replies = new Map<string, PeerReply<'about'> | undefined>(
      about.map(({ node, reply }) => [node, reply]),
    );
    return memberReports(this.#node).map((report) => {
      const { version, upMs } = replies.get(report.node) ?? {};
      return { ...report, version, upMs };
    });
  }

  /** The accounts of every shard that is served now. */
  async users(): Promise<UserList> {
    const answers = await this.#peers.askAll(this.#members, { type: 'users' });
    const all = answers.flatMap(({ reply }) => reply?.users ?? []);
    const users = all
      .toSorted((left, right) => (left.user < right.user ? -1 : 1))
      .slice(0, LISTED_USERS_MAX);
    return {
      users,
      isCut: all.length > users.length || answers.some(({ reply }) => reply?.isCut === true),
      silent: answers.filter(({ reply }) => reply === undefined).map(({ node }) => node),
    };
  }

  /** Which shard an address belongs to, and how its copies stand, as the owner sees it. */
  async where(address: Address): Promise<WhereReport> {
    const shard = this.#node.shardOf(address);
    const assigned = this.#node.cluster.directory.assignment(shard);
    if (assigned === undefined)
      throw new FastChatError('E_UNREACHABLE', 'this node knows no map of the cluster yet');
    const { epoch, owner, replicas } = assigned;
    const seen = await this.#peers
      .ask<'replication'>(owner, { type: 'replication', shard })
      .catch(() => undefined);
    const isServed = seen?.role === 'owner';
    const copies = copiesOf(assigned, isServed ? seen : undefined);
    const acknowledged = isServed ? seen.acknowledged : undefined;
    return { address, shard, epoch, owner, replicas, acknowledged, copies };
  }

  plan(): readonly PlacementStep[] {
    return this.#node.cluster.plan();
  }

  /** Has every node look at its part of the plan at once, also at what failed lately. */
  async rebalance(): Promise<RebalanceReport> {
    const steps = this.plan().length;
    const answers = await this.#peers.askAll(this.#members, { type: 'rebalance' });
    const silent = answers.filter(({ reply }) => reply === undefined).map(({ node }) => node);
    return { steps, silent };
  }

  /**
   * Takes a dead member out of the cluster for good: first its copies are made anew elsewhere, as far as there is
   * elsewhere. To be asked again until it is gone. @throws E_USAGE while it lives, or has the only copy of something; E_UNREACHABLE before it is surely dead
   */
  async forget(node: NodeId): Promise<ForgetReport> {
    const { cluster, coordinator } = this.#node;
    if (!this.#members.includes(node)) {
      if (cluster.isForgotten(node)) return { node, shardsLeft: 0, isGone: true };
      throw new FastChatError('E_USAGE', `there is no member ${node}`);
    }
    this.#assertForgettable(node);
    cluster.forget(node);
    const shardsLeft = await this.#shardsLeft(node);
    if (shardsLeft === 0) await coordinator.leave(node);
    return { node, shardsLeft, isGone: shardsLeft === 0 };
  }

  /** How many shards count on a copy at `node`, as soon as that is none, or after a while. */
  #shardsLeft(node: NodeId): Promise<number> {
    const { cluster, ports } = this.#node;
    const { directory } = cluster;
    const count = (): number =>
      directory.view.map.shards.filter(({ replicas }) => replicas.includes(node)).length;
    if (count() === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      const end = (): void => {
        subscription.cancel();
        timer.cancel();
        resolve(count());
      };
      const timer = ports.clock.after(FORGET_ANSWER_MS, end);
      const subscription = directory.listen({
        onShards: () => {
          if (count() === 0) end();
        },
      });
    });
  }

  get #members(): readonly NodeId[] {
    return this.#node.cluster.directory.members.map(({ node }) => node);
  }

  #assertForgettable(node: NodeId): void {
    const { cluster } = this.#node;
    const standing = cluster.standings().get(node);
    if (standing === 'away')
      throw new FastChatError(
        'E_UNREACHABLE',
        `${node} may be alive: it is heard, or its lease has not ended; ask again in a few seconds`,
      );
    if (standing === 'fit' || standing === 'leaving')
      throw new FastChatError(
        'E_USAGE',
        `${node} lives: stop it with "fastchat admin drain" first`,
      );
    const only = cluster.directory.view.map.shards.filter(
      ({ replicas }) => replicas.length === 1 && replicas[0] === node,
    ).length;
    if (only > 0)
      throw new FastChatError(
        'E_USAGE',
        `${node} has the only copy of ${only} shards: start it again, on its data or on a backup of it`,
      );
  }
}

function copiesOf(
  { owner, replicas }: { readonly owner: NodeId; readonly replicas: readonly NodeId[] },
  seen: PeerReply<'replication'> | undefined,
): readonly CopyReport[] {
  const others = new Map(seen?.replicas.map((each) => [each.node, each]));
  const all = [...new Set([owner, ...replicas.toSorted(), ...others.keys()])];
  return all.map((node): CopyReport => {
    const { state, flushed } = others.get(node) ?? {};
    if (seen === undefined) return { node, state: 'unknown' };
    if (node === owner) return { node, state: 'owner', flushed: seen.acknowledged };
    return { node, state: state ?? 'unknown', flushed };
  });
}

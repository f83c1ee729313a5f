/** Steps 2 to 5 of a take over: from an epoch that the map gives to this node to a tenure that may be served. */
import type { ShardStore } from '../../persist/shard-store.ts';
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import type { NodeId, ShardId } from '../../protocol/ids.ts';
import type { Coordinator } from '../coordinator.ts';
import type { ShardAssignment } from '../members.ts';
import type { ShardDirectory } from '../shard-map.ts';
import { fenceOthers } from './fenced-copies.ts';
import type { Replication } from './replication.ts';
import { judgeTakeOver } from './take-over.ts';
import type { FencedCopy, TakeOverVerdict } from './take-over.ts';
import type { Tenure } from './tenure.ts';

export interface LeadingPorts {
  readonly self: NodeId;
  readonly store: ShardStore;
  readonly coordinator: Coordinator;
  readonly directory: ShardDirectory;
  readonly replication: Replication;
  /** Whether the copies here are what this node last had. */
  readonly isTrusted: () => boolean;
}

export class Leading {
  readonly #ports: LeadingPorts;
  readonly #onFenced: (tenure: Tenure, promised: number) => void;

  constructor(ports: LeadingPorts, onFenced: (tenure: Tenure, promised: number) => void) {
    this.#ports = ports;
    this.#onFenced = onFenced;
  }

  /**
   * A tenure whose marker is acknowledged; undefined after the shard went to a replica with a longer log.
   * @throws E_UNREACHABLE (too few replicas), E_MOVED (a later epoch is promised)
   */
  async lead(shard: ShardId, assignment: ShardAssignment): Promise<Tenure | undefined> {
    const { replication, isTrusted } = this.#ports;
    if (!isTrusted())
      throw new FastChatError('E_UNREACHABLE', 'the store here is not recognised yet');
    const verdict = await this.#judge(shard, assignment);
    if (verdict.type === 'wait')
      throw new FastChatError('E_UNREACHABLE', `too few copies of shard ${shard} are whole`);
    if (verdict.type === 'yield') return this.#yield(shard, assignment, verdict.to);
    const tenure = replication.openTenure(shard, assignment, this.#onFenced);
    try {
      await tenure.mark();
      return tenure;
    } catch (cause) {
      tenure.end(asFastChatError(cause));
      throw cause;
    }
  }

  async #judge(shard: ShardId, assignment: ShardAssignment): Promise<TakeOverVerdict> {
    const { self, store, replication } = this.#ports;
    const { epoch, replicas } = assignment;
    const { bugs } = replication;
    const head = await store.fence(shard, epoch);
    const standing = store.standing(shard);
    const own: FencedCopy = { node: self, standing, head, floor: store.floor(shard) };
    if (bugs.takeOverWithoutFence === true && own.standing === 'whole') return { type: 'lead' };
    const judge = (fenced: readonly FencedCopy[]): TakeOverVerdict =>
      judgeTakeOver({ self, assignment, fenced: [own, ...fenced] });
    const isEnough = (fenced: readonly FencedCopy[]): boolean => judge(fenced).type !== 'wait';
    const nodes = replicas.filter((node) => node !== self);
    const others = await fenceOthers(replication.feeds, { shard, epoch, nodes, isEnough });
    if (others.promised > epoch)
      throw new FastChatError('E_MOVED', `shard ${shard} is promised to epoch ${others.promised}`);
    const verdict = judge(others.fenced);
    const isBlind = bugs.adoptShorterLog === true && own.standing === 'whole';
    return isBlind && verdict.type === 'yield' ? { type: 'lead' } : verdict;
  }

  /** The owner always pushes: the shard goes to whoever has the longest log. */
  async #yield(
    shard: ShardId,
    { epoch, replicas }: ShardAssignment,
    to: NodeId,
  ): Promise<undefined> {
    const { coordinator, directory, replication } = this.#ports;
    const next = { epoch: epoch + 1, owner: to, replicas };
    const { current } = await coordinator.swap(shard, epoch, next);
    directory.adoptAssignment(shard, current);
    replication.grant(to, shard, current);
  }
}

/**
 * What this node knows of the cluster: members and owners, kept on disk so that it starts, routes and serves while the
 * coordinator is down. It never goes back: a view is adopted only with a greater version, a shard only with a greater
 * epoch (C1 for everybody who reads here).
 */
import { decode, encode } from '../protocol/codec.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { EMPTY_VIEW } from './coordinator-state.ts';
import type { MetaStore } from './embedded-coordinator.ts';
import { clusterView } from './members.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';

const RECORD = 'cluster-view';

export interface ShardDirectoryEvents {
  /** These shards have a newer assignment. */
  readonly onShards?: (changed: readonly ShardId[]) => void;
  /** Members came, went or moved. */
  readonly onMembers?: (members: readonly Member[]) => void;
}

export class ShardDirectory {
  readonly #store: MetaStore;
  readonly #listeners = new Set<ShardDirectoryEvents>();
  #view: ClusterView;
  #saving: Promise<void> = Promise.resolve();
  #isSaveQueued = false;

  /** Begins with the view that was last saved. */
  constructor(store: MetaStore) {
    this.#store = store;
    const record = store.getMeta(RECORD);
    this.#view = record === undefined ? EMPTY_VIEW : decode(clusterView, record);
  }

  get view(): ClusterView {
    return this.#view;
  }

  get members(): readonly Member[] {
    return this.#view.members;
  }

  /** How many shards the cluster has; 0 before the first view. */
  get shards(): number {
    return this.#view.map.shards.length;
  }

  assignment(shard: ShardId): ShardAssignment | undefined {
    return this.#view.map.shards[shard];
  }

  /** Shards that `node` owns, as far as known here. */
  ownedBy(node: NodeId): readonly ShardId[] {
    return this.#view.map.shards.flatMap(({ owner }, index) =>
      owner === node ? [index as ShardId] : [],
    );
  }

  /** Takes over what is newer in `view`; false when nothing is. */
  adopt(view: ClusterView): boolean {
    const known = this.#view;
    if (view.map.version <= known.map.version) return false;
    const shards = view.map.shards.map((next, shard) => newer(known.map.shards[shard], next));
    this.#replace({ members: view.members, map: { version: view.map.version, shards } });
    return true;
  }

  /** Takes over one assignment that was learned on the way, such as from a refusal; false when it is not newer. */
  adoptAssignment(shard: ShardId, next: ShardAssignment): boolean {
    const { members, map } = this.#view;
    const known = map.shards[shard];
    if (known === undefined || next.epoch <= known.epoch) return false;
    this.#replace({ members, map: { version: map.version, shards: map.shards.with(shard, next) } });
    return true;
  }

  listen(events: ShardDirectoryEvents): { cancel(): void } {
    this.#listeners.add(events);
    return { cancel: () => this.#listeners.delete(events) };
  }

  /** Resolves when what is known now is on disk, or the store has failed. */
  async saved(): Promise<void> {
    while (this.#isSaveQueued) await this.#saving;
    await this.#saving;
  }

  #replace(view: ClusterView): void {
    const before = this.#view;
    this.#view = view;
    this.#save();
    const changed = view.map.shards.flatMap((next, shard) =>
      next === before.map.shards[shard] ? [] : [shard as ShardId],
    );
    const hasNewMembers = view.members !== before.members;
    for (const { onShards, onMembers } of this.#listeners) {
      if (hasNewMembers) onMembers?.(view.members);
      if (changed.length > 0) onShards?.(changed);
    }
  }

  /** One write at a time; what changes meanwhile is one more. */
  #save(): void {
    if (this.#isSaveQueued) return;
    this.#isSaveQueued = true;
    const write = async (): Promise<void> => {
      this.#isSaveQueued = false;
      await this.#store.putMeta(RECORD, encode(clusterView, this.#view));
    };
    // A store that fails ends the process by itself; until then the view in memory is as good.
    this.#saving = this.#saving.then(write).catch(() => undefined);
  }
}

function newer(known: ShardAssignment | undefined, next: ShardAssignment): ShardAssignment {
  return known !== undefined && known.epoch >= next.epoch ? known : next;
}

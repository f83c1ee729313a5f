/**
 * What a coordinator decides, as pure functions of the view; who keeps it durable and whom it answers is in the
 * implementations. `version` grows with every change and only with a change (C1, C4); a swap succeeds only at the
 * expected epoch and only to a greater one (C2).
 */
import { FastChatError } from '../protocol/errors.ts';
import type { NodeId, ShardId } from '../protocol/ids.ts';
import { MEMBERS_MAX } from '../protocol/limits.ts';
import { sameBytes } from '../protocol/same-bytes.ts';
import type { ClusterView, Member, ShardAssignment } from './members.ts';
import { freshShards } from './shards.ts';

/** A cluster that nobody has joined yet. */
export const EMPTY_VIEW: ClusterView = { members: [], map: { version: 0, shards: [] } };

/** The view after a swap and what the caller is told. */
export interface SwapResult {
  readonly view: ClusterView;
  readonly swapped: boolean;
  readonly current: ShardAssignment;
}

function sameMember(left: Member, right: Member): boolean {
  return (
    left.meshEndpoint === right.meshEndpoint &&
    left.gateHost === right.gateHost &&
    left.gatePort === right.gatePort &&
    sameBytes(left.curveKey, right.curveKey)
  );
}

function sortedByName(members: readonly Member[]): readonly Member[] {
  return members.toSorted((left, right) => (left.node < right.node ? -1 : 1));
}

/**
 * Adds a member or replaces its addresses; the first one gets all of the `shards` shards in epoch 1.
 * @throws E_NAME_TAKEN when another key has this name, E_USAGE when the cluster is full
 */
export function joinMember(view: ClusterView, member: Member, shards: number): ClusterView {
  const present = view.members.find(({ node }) => node === member.node);
  if (present === undefined && view.members.length >= MEMBERS_MAX)
    throw new FastChatError('E_USAGE', `the cluster has ${MEMBERS_MAX} members already`);
  if (present !== undefined && !sameBytes(present.curveKey, member.curveKey))
    throw new FastChatError('E_NAME_TAKEN', `another node is called ${member.node}`);
  if (present !== undefined && sameMember(present, member)) return view;
  const others = view.members.filter(({ node }) => node !== member.node);
  const assigned = view.map.shards.length > 0;
  return {
    members: sortedByName([...others, member]),
    map: {
      version: view.map.version + 1,
      shards: assigned ? view.map.shards : freshShards(member.node, shards),
    },
  };
}

/** Removes a member; one that is not there is no error. @throws E_USAGE while it holds shards */
export function leaveMember(view: ClusterView, leaver: NodeId): ClusterView {
  const members = view.members.filter(({ node }) => node !== leaver);
  if (members.length === view.members.length) return view;
  const held = view.map.shards.filter(({ replicas }) => replicas.includes(leaver)).length;
  if (held > 0)
    throw new FastChatError('E_USAGE', `node ${leaver} still holds ${held} shards: drain it first`);
  return { members, map: { ...view.map, version: view.map.version + 1 } };
}

/** Sets one shard if its epoch is still `expectedEpoch`. @throws E_USAGE for an assignment that can never be right */
export function swapShard(
  view: ClusterView,
  shard: ShardId,
  expectedEpoch: number,
  next: ShardAssignment,
): SwapResult {
  const current = view.map.shards[shard];
  if (current === undefined)
    throw new FastChatError('E_USAGE', `the cluster has no shard ${shard}`);
  if (current.epoch !== expectedEpoch) return { view, swapped: false, current };
  assertAssignable(view, expectedEpoch, next);
  const map = { version: view.map.version + 1, shards: view.map.shards.with(shard, next) };
  return { view: { members: view.members, map }, swapped: true, current: next };
}

function assertAssignable(view: ClusterView, epoch: number, next: ShardAssignment): void {
  if (next.epoch <= epoch)
    throw new FastChatError('E_USAGE', `epoch ${next.epoch} does not follow epoch ${epoch}`);
  if (!next.replicas.includes(next.owner))
    throw new FastChatError('E_USAGE', `owner ${next.owner} is not one of the replicas`);
  for (const node of next.replicas)
    if (!isMember(view, node)) throw new FastChatError('E_USAGE', `${node} is not a member`);
}

/** Whether `node` is in the cluster. */
export function isMember(view: ClusterView, node: NodeId): boolean {
  return view.members.some((member) => member.node === node);
}

/** The newer of two views of one cluster. */
export function newerView(left: ClusterView, right: ClusterView): ClusterView {
  return right.map.version > left.map.version ? right : left;
}

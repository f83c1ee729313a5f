/**
 * Which nodes have sessions that want the group's entries. Soft: a node renews its lease, and announces itself at once
 * when the shard has a new owner. What is lost meanwhile is a delay: sequence numbers are dense, so a gap shows.
 */
import type { NodeId, UserId } from '../../protocol/ids.ts';
import { GROUP_INTEREST_LEASE_MS, MEMBERS_MAX } from '../../protocol/limits.ts';
import { answer, noSuchGroup, refusal, refuse } from './commits.ts';
import type { Asked } from './messages.ts';
import { isAlive } from './state.ts';
import type { GroupTurn, InterestedNode } from './state.ts';

/** Takes a member's session in and tells where the group stands. */
export function subscribe(turn: GroupTurn, message: Asked<'groupSubscribe'>): void {
  const { state } = turn;
  const { node, user, found, replyTo } = message;
  const { flushed, log } = state;
  const since = flushed?.since.get(user);
  if (!isAlive(flushed) || since === undefined) return refuse(turn, replyTo, noSuchGroup(state));
  const known = leaseOf(turn, node);
  if (known === undefined)
    return refuse(turn, replyTo, refusal('E_RATE_LIMITED', 'too many nodes listen'));
  known.users.add(user);
  const { incarnation, position, epoch, rekeyDue } = flushed.roster;
  const head = log.committed.seq;
  const pending = Math.max(0, log.committed.loud - found.got.loud);
  answer(turn, replyTo, { incarnation, head, position, epoch, rekeyDue, since, pending });
}

/** Renews a node's lease; the users are all that it has now. */
export function interest(turn: GroupTurn, message: Asked<'groupInterest'>): void {
  const { state } = turn;
  const { node, users, replyTo } = message;
  const { flushed } = state;
  if (!isAlive(flushed)) {
    state.nodes.delete(node);
    return refuse(turn, replyTo, noSuchGroup(state));
  }
  const isMember = (user: UserId): boolean => flushed.since.has(user);
  const staying = users.filter(isMember);
  if (staying.length === 0) state.nodes.delete(node);
  else renew(turn, node, staying);
  const ended = users.filter((user) => !isMember(user));
  answer(turn, replyTo, {
    incarnation: flushed.roster.incarnation,
    head: state.log.committed.seq,
    ended,
  });
}

function renew(turn: GroupTurn, node: NodeId, users: readonly UserId[]): void {
  const known = leaseOf(turn, node);
  if (known === undefined) return;
  known.users.clear();
  for (const user of users) known.users.add(user);
}

function leaseOf({ state, nowMs }: GroupTurn, node: NodeId): InterestedNode | undefined {
  const untilMs = nowMs + GROUP_INTEREST_LEASE_MS;
  const known = state.nodes.get(node);
  if (known !== undefined) {
    known.untilMs = untilMs;
    return known;
  }
  if (state.nodes.size >= MEMBERS_MAX) return undefined;
  const fresh: InterestedNode = { untilMs, users: new Set() };
  state.nodes.set(node, fresh);
  return fresh;
}

/** Forgets nodes that gave no sign of life. */
export function endLeases({ state, nowMs }: GroupTurn): void {
  for (const [node, { untilMs }] of state.nodes) if (untilMs <= nowMs) state.nodes.delete(node);
}

/** Users who were put out get nothing more; a node without others listens no longer. */
export function endInterest({ state }: GroupTurn, ended: readonly UserId[]): void {
  for (const [node, { users }] of state.nodes) {
    for (const user of ended) users.delete(user);
    if (users.size === 0) state.nodes.delete(node);
  }
}

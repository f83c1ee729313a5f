/** What members read of a group, and former members up to their end; only what is flushed (I2). */
import type { GroupInfo, OnlineMember } from '../../protocol/group-facts.ts';
import { GROUP_KEYS_PULL_MAX } from '../../protocol/limits.ts';
import type { Incarnation, UserId } from '../../protocol/ids.ts';
import { answer, beginCommit, noSuchGroup, ofLife, refusal, refuse } from './commits.ts';
import type { Asked } from './messages.ts';
import type { StayRecord } from './records.ts';
import { isAlive } from './state.ts';
import type { GroupState, GroupTurn, GroupView } from './state.ts';

/** Entries `since` to `until`, both inclusive. */
interface Stretch {
  readonly since: number;
  readonly until: number;
}

/** What one user may read: what was written while they were in, and operations up to `position`. */
export interface Reach {
  /** In order, never empty. */
  readonly stretches: readonly Stretch[];
  readonly position: number;
}

/** Newest entry that may be read. */
function headOf({ stretches }: Reach): number {
  return stretches.at(-1)?.until ?? 0;
}

/** Undefined: nothing, as for every stranger. */
export function reachOf(
  { flushed, log }: GroupState,
  asker: UserId,
  stays: readonly StayRecord[],
): Reach | undefined {
  const since = flushed?.since.get(asker);
  if (flushed !== undefined && since !== undefined)
    return {
      stretches: [...stays, { since, until: log.committed.seq }],
      position: flushed.roster.position,
    };
  const last = stays.at(-1);
  return last === undefined ? undefined : { stretches: stays, position: last.position };
}

/** The flushed view, if that is the life that is asked for. */
export function lifeNamed(
  { flushed }: GroupState,
  incarnation: Incarnation,
): GroupView | undefined {
  return flushed?.roster.incarnation === incarnation ? flushed : undefined;
}

export function pull(turn: GroupTurn, message: Asked<'groupPull'>): void {
  const reach = allowed(turn, message);
  if (reach === undefined) return;
  const { entries, upTo } = message.found;
  answer(turn, message.replyTo, { entries, upTo, head: headOf(reach) });
}

export function chain(turn: GroupTurn, message: Asked<'groupChain'>): void {
  const reach = allowed(turn, message);
  if (reach === undefined) return;
  const { operations } = message.found;
  answer(turn, message.replyTo, { operations, position: reach.position });
}

function allowed(
  turn: GroupTurn,
  message: Asked<'groupPull'> | Asked<'groupChain'>,
): Reach | undefined {
  const { state } = turn;
  const { asker, incarnation, found, replyTo } = message;
  const isThis = lifeNamed(state, incarnation) !== undefined;
  const reach = isThis ? reachOf(state, asker, found.stays) : undefined;
  if (reach === undefined) refuse(turn, replyTo, noSuchGroup(state));
  return reach;
}

export function info(turn: GroupTurn, { asker, replyTo }: Asked<'groupInfo'>): void {
  const { state } = turn;
  const { flushed } = state;
  if (!isAlive(flushed) || !flushed.roster.members.has(asker))
    return refuse(turn, replyTo, noSuchGroup(state));
  const online = new Set([...state.nodes.values()].flatMap(({ users }) => [...users]));
  const { incarnation, position, epoch, rekeyDue, members } = flushed.roster;
  const list = [...members].map(([user, role]): OnlineMember => ({
    user,
    role,
    online: online.has(user),
  }));
  const head = state.log.committed.seq;
  const value: GroupInfo = { incarnation, head, position, epoch, rekeyDue, members: list };
  answer(turn, replyTo, value);
}

/** A member's own seals; former members keep theirs until what they open is gone. */
export function keys(turn: GroupTurn, message: Asked<'groupKeys'>): void {
  const { state } = turn;
  const { asker, incarnation, found, replyTo } = message;
  const view = lifeNamed(state, incarnation);
  const isKnown = view?.since.has(asker) === true || found.seals.length > 0;
  if (view === undefined || !isKnown) return refuse(turn, replyTo, noSuchGroup(state));
  const flushed = found.seals.filter(({ epoch }) => epoch <= view.roster.epoch);
  const seals = flushed.slice(0, GROUP_KEYS_PULL_MAX);
  answer(turn, replyTo, { seals, more: flushed.length > seals.length });
}

/** A member seals what it has to a newer box key of its own. */
export function putKey(turn: GroupTurn, message: Asked<'putGroupKey'>): void {
  const { state } = turn;
  const { asker, incarnation, seal, replyTo } = message;
  const view = lifeNamed(state, incarnation);
  if (!isAlive(view) || state.now?.roster.members.has(asker) !== true)
    return refuse(turn, replyTo, noSuchGroup(state));
  if (seal.epoch > view.roster.epoch || seal.epoch < state.sweptEpoch)
    return refuse(turn, replyTo, refusal('E_STALE_EPOCH', 'no key of that epoch is needed'));
  const own = { ...seal, sealed: Uint8Array.from(seal.sealed) };
  const write = { type: 'seal', record: { user: asker, seal: own } } as const;
  const release = { type: 'reply', to: replyTo, value: {} } as const;
  beginCommit(turn, ofLife(view.life, [write]), [release]);
}

export function stats(turn: GroupTurn, { replyTo }: Asked<'groupStats'>): void {
  const { flushed, log, nodes } = turn.state;
  answer(turn, replyTo, {
    exists: isAlive(flushed),
    members: flushed?.roster.members.size ?? 0,
    messages: log.committed.loud - log.floor.loud,
    bytes: log.committed.bytes - log.floor.bytes,
    head: log.committed.seq,
    epoch: flushed?.roster.epoch ?? 0,
    operations: flushed?.roster.position ?? 0,
    nodes: nodes.size,
  });
}

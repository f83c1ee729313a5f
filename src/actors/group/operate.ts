/** Taking an operation into the chain: signed by its author, allowed to its author, at the end of the chain, all or nothing. */
import type { FastChatError } from '../../protocol/errors.ts';
import type { Membership } from '../../protocol/group-facts.ts';
import type { GroupEntry, GroupOperation, MemberSeal } from '../../protocol/group-log.ts';
import { applyOperation, keySourceOf } from '../../protocol/group-roster.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { UserId } from '../../protocol/ids.ts';
import { GROUP_OPERATIONS_MAX } from '../../protocol/limits.ts';
import { sameBytes } from '../../protocol/same-bytes.ts';
import type { LogMark } from '../runtime/log-mark.ts';
import {
  answerAfter,
  beginCommit,
  noSuchGroup,
  ofLife,
  refusal,
  refuse,
  refuseAfterAll,
  refuseBusy,
  rootOf,
} from './commits.ts';
import { nextPlace, takePlace } from './entries.ts';
import type { Asked } from './messages.ts';
import type { GroupWrite, LifeWrite } from './records.ts';
import { sealsFor } from './stages.ts';
import { emptyLog, isAlive } from './state.ts';
import type { GroupState, GroupTurn, GroupView } from './state.ts';

type Operate = Asked<'groupOperate'>;

/** A repetition of what was taken is acknowledged again, for ever and before anything else is asked. */
export function operate(turn: GroupTurn, message: Operate): void {
  const { state } = turn;
  const { found, author, replyTo } = message;
  if (!found.operation.ok) return refuse(turn, replyTo, found.operation.error);
  const operation = found.operation.value;
  if (operation.author !== author || operation.group !== state.group)
    return refuse(turn, replyTo, refusal('E_SIGNATURE', 'signed for somebody or something else'));
  if (isTaken(state, message, operation)) return answerTaken(turn, message, operation);
  const applied = applyOperation(state.now?.roster, operation);
  if (!applied.ok) return refuseAfterAll(turn, replyTo, hidden(state, message, applied.error));
  const refused = refuseSize(state, operation, applied.value);
  if (refused !== undefined) return refuse(turn, replyTo, refused);
  const seals = sealsFor(turn, operation, applied.value, message.seals);
  if (!seals.ok) return refuse(turn, replyTo, seals.error);
  take(turn, message, { operation, roster: applied.value, seals: seals.value });
}

function isTaken({ now }: GroupState, { found }: Operate, operation: GroupOperation): boolean {
  return (
    found.taken !== undefined &&
    now?.roster.incarnation === operation.incarnation &&
    sameBytes(found.taken.hash, operation.hash)
  );
}

function answerTaken(
  turn: GroupTurn,
  { found, replyTo }: Operate,
  { position }: GroupOperation,
): void {
  if (found.taken === undefined) return;
  const { seq, at, epoch } = found.taken;
  const commit = turn.state.taken.get(position)?.commit ?? 0;
  answerAfter(turn, commit, { to: replyTo, value: { seq, at, position, epoch } });
}

/** A stranger must not learn that there is such a group, except by trying to create it. */
function hidden(
  state: GroupState,
  { author, found }: Operate,
  error: FastChatError,
): FastChatError {
  const isKnown = state.now?.roster.members.has(author) === true || found.stays.length > 0;
  return isKnown || error.code === 'E_GROUP_EXISTS' || !isAlive(state.now)
    ? error
    : noSuchGroup(state);
}

function refuseSize(
  state: GroupState,
  { change, position, statement }: GroupOperation,
  { members }: Roster,
): FastChatError | undefined {
  const { groupMembers } = state.settings.limits;
  const grows = change.type === 'create' || change.type === 'add';
  if (grows && members.size > groupMembers)
    return refusal('E_GROUP_FULL', `a group has at most ${groupMembers} members here`);
  // Entries of the life before are released in order; the name is free once they are.
  const isAgain = change.type === 'create' && state.commits.waiting.size > 0;
  if (isAgain && state.now !== undefined) return refuseBusy(state, Infinity);
  const goes = change.type === 'leave' || change.type === 'delete';
  if (position > GROUP_OPERATIONS_MAX && !goes)
    return refusal('E_TOO_LARGE', 'the group was changed too often: create another one');
  return refuseBusy(state, statement.length);
}

interface Accepted {
  readonly operation: GroupOperation;
  readonly roster: Roster;
  readonly seals: readonly MemberSeal[];
}

function take(turn: GroupTurn, message: Operate, accepted: Accepted): void {
  const { state } = turn;
  const { operation, roster } = accepted;
  const before = operation.change.type === 'create' ? beginLife(turn) : state.now;
  // Actors keep what they are given: a view would keep the whole frame it came in.
  const signed = Uint8Array.from(message.signed);
  const { mark, at } = nextPlace(state, { loud: false, bytes: signed.length }, turn.nowMs);
  const { seq } = mark;
  takePlace(state, mark, at);
  const view = viewAfter(state, before, ownRoster(roster), seq);
  state.now = view;
  state.stages.delete(operation.author);
  const entry: GroupEntry = { type: 'operation', seq, at, signed };
  const { position, epoch } = operation;
  const changes = membershipsAfter(before, view);
  const writes: GroupWrite[] = [
    { type: 'root', record: rootOf(view, state.oldestLife) },
    ...ofLife(view.life, [
      ...entryWrites(entry, operation, mark),
      ...keyWrites(state, accepted, seq),
    ]),
    ...ofLife(view.life, memberWrites(before, view, seq)),
    ...owe(state, changes),
  ];
  const ended = changes.filter(({ told }) => told.role === undefined).map(({ user }) => user);
  for (const user of ended) forget(state, user);
  const value = { seq, at, position, epoch };
  const release = { type: 'entry', to: message.replyTo, value, entry, mark, view, ended } as const;
  const commit = beginCommit(turn, writes, [release, { type: 'owed' }]);
  state.taken.set(position, { hash: roster.hash, seq, at, epoch, commit });
}

/** Views of the frame must not outlive it. */
function ownRoster(roster: Roster): Roster {
  const [hash, commitment] = [Uint8Array.from(roster.hash), Uint8Array.from(roster.commitment)];
  return { ...roster, hash, commitment };
}

/** Nothing of an earlier life of the name is left in memory; its records are removed later. */
function beginLife({ state, effects }: GroupTurn): undefined {
  if (state.now === undefined) return undefined;
  state.log = emptyLog();
  state.flushed = undefined;
  state.fresh = [];
  state.sweptEpoch = 0;
  for (const map of [state.pairs, state.taken, state.stages, state.nodes, state.marks.all])
    map.clear();
  for (const set of [state.marks.dirty, state.marks.changed]) set.clear();
  effects.push({ type: 'schedule', inMs: 0, message: { type: 'purge' } });
  return undefined;
}

function viewAfter(
  { now }: GroupState,
  before: GroupView | undefined,
  roster: Roster,
  seq: number,
): GroupView {
  if (before === undefined) {
    const since = new Map([...roster.members.keys()].map((user) => [user, seq] as const));
    return { life: (now?.life ?? 0) + 1, roster, since };
  }
  if (roster.members.size === before.roster.members.size) return { ...before, roster };
  const since = new Map<UserId, number>();
  for (const user of roster.members.keys()) since.set(user, before.since.get(user) ?? seq);
  return { ...before, roster, since };
}

interface MembershipChange {
  readonly user: UserId;
  readonly told: Membership;
}

/** Whose membership is another one, and which it is; when a group ends, everybody's. */
function membershipsAfter(
  before: GroupView | undefined,
  { roster }: GroupView,
): MembershipChange[] {
  const { group, incarnation, position, members, ended } = roster;
  const changes: MembershipChange[] = [];
  for (const user of new Set([...(before?.roster.members.keys() ?? []), ...members.keys()])) {
    const role = ended ? undefined : members.get(user);
    const was = before?.roster.members.get(user);
    if (role !== was) changes.push({ user, told: { group, incarnation, position, role } });
  }
  return changes;
}

function entryWrites(
  entry: GroupEntry,
  { position, epoch }: GroupOperation,
  mark: LogMark,
): LifeWrite[] {
  if (entry.type !== 'operation') return [];
  const { seq, at, signed } = entry;
  return [
    { type: 'log', entry, position, loud: mark.loud, bytes: mark.bytes },
    { type: 'operation', position, record: { seq, at, epoch, signed } },
  ];
}

function keyWrites(state: GroupState, { operation, seals }: Accepted, seq: number): LifeWrite[] {
  const { epoch, change } = operation;
  const writes = seals.map(({ user, boxEpoch, sealed }): LifeWrite => {
    const seal = { epoch, boxEpoch, sealed: Uint8Array.from(sealed) };
    return { type: 'seal', record: { user, seal } };
  });
  if (keySourceOf(change) !== 'fresh') return writes;
  const record = { epoch, seq };
  state.fresh.push(record);
  return [...writes, { type: 'fresh', record }];
}

/** A group that ended keeps its members: they may still read what they have not got. */
function memberWrites(before: GroupView | undefined, after: GroupView, seq: number): LifeWrite[] {
  const { members, position } = after.roster;
  const writes: LifeWrite[] = [];
  for (const [user, role] of members) {
    const since = after.since.get(user) ?? seq;
    if (before?.roster.members.get(user) === role) continue;
    writes.push({ type: 'member', record: { user, role, since } });
  }
  for (const [user, since] of before?.since ?? []) {
    if (members.has(user)) continue;
    const record = { user, since, until: seq, position };
    writes.push({ type: 'removeMember', user }, { type: 'removeMark', user });
    writes.push({ type: 'stay', record });
  }
  return writes;
}

/** For the commit that is begun next. */
function owe({ owed, commits }: GroupState, changes: readonly MembershipChange[]): GroupWrite[] {
  return changes.map(({ user, told }) => {
    owed.open.set(user, told);
    owed.since.set(user, commits.begun + 1);
    owed.told.delete(user);
    return { type: 'owed', user, record: told };
  });
}

function forget({ marks, stages }: GroupState, user: UserId): void {
  marks.all.delete(user);
  marks.dirty.delete(user);
  marks.changed.delete(user);
  stages.delete(user);
}

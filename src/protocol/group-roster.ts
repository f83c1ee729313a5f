/**
 * Who belongs to a group and what each may do: the one function that nodes and clients replay the chain of operations
 * with. Pure; signatures are checked before (`verifyOperation`).
 *
 * G1  A group with members has an admin.
 * G2  Whoever may not do something has not done it: a refused operation changes nothing.
 * G3  The key epoch grows with every change of the key, and with nothing else; a fresh key ends `rekeyDue`.
 */
import { fail, succeed } from './calls.ts';
import type { Outcome } from './calls.ts';
import type { Envelope } from './envelope.ts';
import { FastChatError } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { NO_OPERATION } from './group-log.ts';
import type { GroupChange, GroupOperation, GroupRole } from './group-log.ts';
import { judgeChange } from './group-rights.ts';
import type { GroupId, Incarnation, UserId } from './ids.ts';
import { GROUP_MEMBERS_MAX } from './limits.ts';
import { sameBytes } from './same-bytes.ts';

/** A group after some operation of its chain. Never changed in place. */
export interface Roster {
  readonly group: GroupId;
  readonly incarnation: Incarnation;
  /** The newest operation, and its hash. */
  readonly position: number;
  readonly hash: Uint8Array;
  readonly epoch: number;
  /** To the key of the epoch. */
  readonly commitment: Uint8Array;
  /** Somebody left who knows the key: nothing may be sent under it. */
  readonly rekeyDue: boolean;
  readonly members: ReadonlyMap<UserId, GroupRole>;
  /** Deleted, or left by the last member. */
  readonly ended: boolean;
}

/** Where the key of the epoch after an operation comes from. */
export type KeySource = 'same' | 'derived' | 'fresh';

/** A fresh key is sealed to everybody; one derived from the key before, to whoever is added. */
const KEY_SOURCES: { readonly [T in GroupChange['type']]: KeySource } = {
  create: 'fresh',
  remove: 'fresh',
  rekey: 'fresh',
  add: 'derived',
  leave: 'same',
  promote: 'same',
  demote: 'same',
  transfer: 'same',
  rename: 'same',
  delete: 'same',
};

export function keySourceOf({ type }: GroupChange): KeySource {
  return KEY_SOURCES[type];
}

/** The group after `operation`, or why there is none; `roster` undefined: there is no group (any more). */
export function applyOperation(
  roster: Roster | undefined,
  operation: GroupOperation,
): Outcome<Roster> {
  if (operation.change.type === 'create') return create(roster, operation);
  if (roster === undefined || roster.ended)
    return refused('E_NO_SUCH_GROUP', `there is no group ${operation.group}`);
  const { author, change } = operation;
  const role = roster.members.get(author);
  if (role === undefined) return refused('E_NOT_MEMBER', `${author} is no member`);
  if (!follows(roster, operation))
    return refused('E_STALE_EPOCH', 'the operation does not follow the newest one');
  const judged = judgeChange(roster.members, { author, role, change });
  if (!judged.ok) return judged;
  if (!hasExpectedKey(roster, operation))
    return refused('E_BAD_FRAME', 'the key epoch or the profile does not fit the change');
  return succeed(after(roster, operation, judged.value));
}

/**
 * Why a message may not stand right after this roster in the log; undefined when it may. Whether the sender is the one
 * who signed it is for `openGroupMessage`.
 */
export function refuseMessage(
  roster: Roster,
  { from, incarnation, boxEpoch }: Pick<Envelope, 'from' | 'incarnation' | 'boxEpoch'>,
): FastChatError | undefined {
  if (incarnation !== roster.incarnation || roster.ended)
    return new FastChatError('E_NO_SUCH_GROUP', `${roster.group} of that time is no more`);
  const role = roster.members.get(from);
  if (role === undefined) return new FastChatError('E_NOT_MEMBER', `${from} is no member`);
  if (role === 'observer')
    return new FastChatError('E_NOT_ADMIN', `${from} may read ${roster.group}, not write to it`);
  if (boxEpoch !== roster.epoch || roster.rekeyDue)
    return new FastChatError('E_STALE_EPOCH', 'sealed with a group key that is not in use');
  return undefined;
}

function create(roster: Roster | undefined, operation: GroupOperation): Outcome<Roster> {
  const { author, change, position, previous, epoch, profile, group, incarnation } = operation;
  if (roster !== undefined && !roster.ended)
    return refused('E_GROUP_EXISTS', `there is a group ${group} already`);
  const isFirst = position === 1 && epoch === 1 && sameBytes(previous, NO_OPERATION);
  if (change.type !== 'create' || !isFirst || profile === undefined)
    return refused('E_BAD_FRAME', 'a group begins with its creation');
  const members = new Map<UserId, GroupRole>([[author, 'admin']]);
  for (const { user, role } of change.members) members.set(user, role);
  if (members.size !== change.members.length + 1 || members.get(author) !== 'admin')
    return refused('E_USAGE', 'a member is named twice');
  if (members.size > GROUP_MEMBERS_MAX)
    return refused('E_GROUP_FULL', `a group has at most ${GROUP_MEMBERS_MAX} members`);
  const { hash, commitment } = operation;
  const rest = { position, hash, epoch, commitment, rekeyDue: false, ended: false };
  return succeed({ group, incarnation, members, ...rest });
}

function follows(roster: Roster, operation: GroupOperation): boolean {
  return (
    operation.group === roster.group &&
    operation.incarnation === roster.incarnation &&
    operation.position === roster.position + 1 &&
    sameBytes(operation.previous, roster.hash)
  );
}

/** G3. The profile comes along whenever somebody could not read the one before, or it is a new one. */
function hasExpectedKey(roster: Roster, operation: GroupOperation): boolean {
  const { epoch, commitment, profile, change } = operation;
  const isSameKey = keySourceOf(change) === 'same';
  if (epoch !== roster.epoch + (isSameKey ? 0 : 1)) return false;
  if (isSameKey && !sameBytes(commitment, roster.commitment)) return false;
  return (profile !== undefined) === (!isSameKey || change.type === 'rename');
}

function after(
  roster: Roster,
  { position, hash, epoch, commitment, change }: GroupOperation,
  members: ReadonlyMap<UserId, GroupRole>,
): Roster {
  const isFresh = keySourceOf(change) === 'fresh';
  const hasLeft = change.type === 'leave';
  const rekeyDue = !isFresh && (roster.rekeyDue || hasLeft);
  const ended = change.type === 'delete' || members.size === 0;
  return { ...roster, position, hash, epoch, commitment, rekeyDue, members, ended };
}

function refused(code: ErrorCode, text: string): Outcome<never> {
  return fail(new FastChatError(code, text));
}
